"""A whole annotation file as columns: read once, in memory or mapped from a store, checked once, used by everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bad_records import BadRecords
from .checks import find_good_annotations, find_good_images, keep_good_categories
from .gc_pause import gc_pause
from .json_members import JsonMembers, decode_plainly
from .masks import MaskColumns, MaskWriter
from .records import tabulate_annotations, tabulate_images
from .table import AnnotationTable, ClassLists, ImageTable, find_rows

KEYS = ('images', 'annotations', 'categories')
#: records between two reports of progress, after which the pages of the file that were read are given back as well
_STEP = 2**15


@dataclass(frozen=True, eq=False)
class AnnotationColumns:
    """The well-formed records of an annotation file.

    The object is never changed: copies share it, and one that is mapped from a store is pickled as the way to the
    store.

    Args:
        images: in file order.
        annotations: image after image, in file order within an image; those of unknown images at the end.
        masks: what `annotations.mask_spans` point to.
        class_lists: LVIS's lists of classes.
        good_images: (I,) bool, images of a size and an id of their own; a name may miss.
        good_annotations: (A,) bool, see `find_good_annotations`.
        categories: the good ones, ascending by id.
        bad: what was found wrong.
        has_annotations: whether the file has them; that of a test split has not.
        folder: of the store; None where the columns are in memory.
        reopen: gives this object again in another process; None where the columns are in memory.
    """

    images: ImageTable
    annotations: AnnotationTable
    masks: MaskColumns
    class_lists: ClassLists
    good_images: NDArray[np.bool_]
    good_annotations: NDArray[np.bool_]
    categories: list[Mapping[str, Any]]
    bad: BadRecords
    has_annotations: bool
    folder: Path | None = None
    reopen: Callable[[], AnnotationColumns] | None = None

    def mask(self, row: int) -> Any:
        """Return the polygons or the RLE of an annotation that can be used; None where there are none.

        Args:
            row: of `annotations`.
        """
        table = self.annotations
        return self.masks.segmentation(int(table.mask_kinds[row]), table.mask_spans[row], table.rle_sizes[row])

    def require_masks(self, bad: BadRecords) -> NDArray[np.bool_]:
        """Find the annotations whose masks can be scored.

        Args:
            bad: takes note of annotations with an area and without a mask.

        Returns:
            (A,) bool.
        """
        table = self.annotations
        lost = self.good_annotations & ~table.has_mask & (table.areas > 0)
        return bad.add_rows(
            'annotations without a mask',
            lost,
            lambda row: f'annotation {table.ids[row]} has no segmentation, expected polygons or an RLE',
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> AnnotationColumns:
        return self

    def __reduce__(self) -> Any:
        if self.reopen is not None:
            return self.reopen, ()
        return super().__reduce__()


class Segmentations(Sequence[Any]):
    """The `segmentation` of some annotations, read when it is asked for.

    Args:
        columns: of the file.
        rows: (n,) int64 of its annotations.
    """

    def __init__(self, columns: AnnotationColumns, rows: NDArray[np.int64]) -> None:
        self._columns = columns
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        mask = self._columns.mask(int(self._rows[row]))
        return [] if mask is None else mask


def read_columns(path: str | Path, name: str, *, masks: bool = True, show_progress: bool = False) -> AnnotationColumns:
    """Read a whole file in the format of LVIS v0.5, LVIS v1 or COCO instances.

    Args:
        path: json file on this machine.
        name: the file, as messages name it.
        masks: whether to read them.
        show_progress: whether to draw a progress bar.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or without images or categories.
    """
    with gc_pause():
        members = JsonMembers(path, name, KEYS)
        return tabulate(members.arrays, name, masks=masks, show_progress=show_progress, release=members.release)


def tabulate(
    arrays: dict[str, Any],
    name: str,
    *,
    masks: bool = True,
    show_progress: bool = False,
    release: Callable[[], None] = lambda: None,
) -> AnnotationColumns:
    """Put the records of a file into columns, and check them.

    Args:
        arrays: `images`, `annotations`, `categories`: bytes or objects; is emptied.
        name: the file, as messages name it.
        masks: whether to read them.
        show_progress: whether to draw a progress bar.
        release: is called now and then, to give memory back.

    Raises:
        ValueError: without images or categories.
    """
    bad = BadRecords(name)
    if not {'images', 'categories'} <= arrays.keys():
        require(arrays, KEYS, bad)
    images, class_lists = tabulate_images(arrays['images'], bad)
    good_images = find_good_images(images, bad)
    categories = keep_good_categories(map(decode_plainly, arrays['categories']), bad)
    writer = MaskWriter() if masks else None
    has_annotations = 'annotations' in arrays
    records = _in_steps(arrays.get('annotations', []), release, show_progress)
    annotations = tabulate_annotations(records, bad, writer)
    arrays.clear()  # the views of all records: 100 MB for LVIS v1 train
    category_ids = np.array([category['id'] for category in categories], dtype=np.int64)
    mask_columns = (writer or MaskWriter()).columns()
    good_annotations = find_good_annotations(
        annotations, images.select(good_images), category_ids, bad, mask_columns if masks else None
    )
    order = _image_order(annotations, images)
    return AnnotationColumns(
        images=images,
        annotations=replace(annotations.select(order), rows=np.arange(len(order))),
        masks=mask_columns,
        class_lists=class_lists,
        good_images=good_images,
        good_annotations=good_annotations[order],
        categories=categories,
        bad=bad,
        has_annotations=has_annotations,
    )


def require(found: Mapping[str, Any], keys: Iterable[str], bad: BadRecords) -> None:
    """Raise if a part of an annotation file is missing, or there are no good images or categories.

    Args:
        found: the parts.
        keys: what there must be.
        bad: names the file, and the first reason.

    Raises:
        ValueError: in one line.
    """
    missing = [key for key in keys if key not in found]
    empty = [key for key in ('images', 'categories') if key in found and not len(found[key])]
    if missing or empty:
        what = f'has no {", ".join(missing)}' if missing else f'holds no usable {", ".join(empty)}'
        reason = next((f' ({examples[0]})' for examples in bad.examples.values()), '')
        test = '; for a test split set test_mode=True in its dataset, format_only=True in its evaluator'
        raise ValueError(
            f'{bad.path} {what}{reason}; expected the format of LVIS or COCO instances: a json object with images, '
            f'annotations and categories{test if "annotations" in missing else ""}'
        )


def _in_steps(records: Sequence[Any], release: Callable[[], None], show_progress: bool) -> Iterator[Any]:
    """Yield the annotations, and now and then report on it and give memory back."""
    steps: Iterable[int] = range(0, len(records), _STEP)
    if show_progress:
        from tqdm import tqdm

        steps = tqdm(steps, unit=f' x {_STEP} annotations', desc='reading')
    for start in steps:
        yield from records[start : start + _STEP]
        release()


def _image_order(annotations: AnnotationTable, images: ImageTable) -> NDArray[np.intp]:
    rows = find_rows(annotations.image_ids, images.ids)
    return np.argsort(np.where(rows < 0, len(images), rows), kind='stable')
