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
from .json_members import JsonMembers, decode_loosely
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
        good_images: (I,) bool, images of a size, a name and an id of their own.
        good_annotations: (A,) bool, see `find_good_annotations`.
        categories: the good ones, ascending by id.
        bad: what was found wrong.
        faulty_masks: row of an annotation -> its `segmentation`, where something is wrong with it.
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
    faulty_masks: Mapping[int, Any]
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

    def __deepcopy__(self, memo: dict[int, Any]) -> AnnotationColumns:
        return self

    def __reduce__(self) -> Any:
        if self.reopen is not None:
            return self.reopen, ()
        return super().__reduce__()


class Segmentations(Sequence[Any]):
    """The `segmentation` of each annotation as the file has it, faulty ones too; read when it is asked for.

    Args:
        columns: of the file.
    """

    def __init__(self, columns: AnnotationColumns) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns.annotations)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        if row in self._columns.faulty_masks:
            return self._columns.faulty_masks[row]
        mask = self._columns.mask(row)
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
        return tabulate(JsonMembers(path, name, KEYS), name, masks=masks, show_progress=show_progress)


def tabulate(members: JsonMembers, name: str, *, masks: bool = True, show_progress: bool = False) -> AnnotationColumns:
    """Put the records of a file into columns.

    Args:
        members: the file; its records are forgotten.
        name: it, as messages name it.
        masks: whether to read them.
        show_progress: whether to draw a progress bar.

    Raises:
        ValueError: without images or categories.
    """
    bad = BadRecords(name)
    if not {'images', 'categories'} <= members.arrays.keys():
        require(members.arrays, KEYS, bad)
    images, class_lists = tabulate_images(members.arrays['images'], bad)
    good_images = find_good_images(images, bad)
    categories = keep_good_categories(map(decode_loosely, members.arrays['categories']), bad)
    writer = MaskWriter() if masks else None
    records = _in_steps(members, show_progress)
    has_annotations = 'annotations' in members.arrays
    annotations = tabulate_annotations(records, bad, writer)
    members.arrays.clear()  # the views of all records: 100 MB for LVIS v1 train
    category_ids = np.array([category['id'] for category in categories], dtype=np.int64)
    good_annotations = find_good_annotations(annotations, images.select(good_images), category_ids, bad)
    order = _image_order(annotations, images)
    row_of = {} if writer is None or not writer.faulty else dict(zip(order.tolist(), range(len(order)), strict=True))
    return AnnotationColumns(
        images=images,
        annotations=replace(annotations.select(order), rows=np.arange(len(order))),
        masks=(writer or MaskWriter()).columns(),
        class_lists=class_lists,
        good_images=good_images,
        good_annotations=good_annotations[order],
        categories=categories,
        bad=bad,
        faulty_masks={} if writer is None else {row_of[row]: mask for row, mask in writer.faulty.items()},
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


def _in_steps(members: JsonMembers, show_progress: bool) -> Iterator[Any]:
    """Yield the annotations, and now and then report on it and give memory back."""
    records = members.arrays.get('annotations', [])
    steps: Iterable[int] = range(0, len(records), _STEP)
    if show_progress:
        from tqdm import tqdm

        steps = tqdm(steps, unit=f' x {_STEP} annotations', desc='reading')
    for start in steps:
        yield from records[start : start + _STEP]
        members.release()


def _image_order(annotations: AnnotationTable, images: ImageTable) -> NDArray[np.intp]:
    rows = find_rows(annotations.image_ids, images.ids)
    return np.argsort(np.where(rows < 0, len(images), rows), kind='stable')
