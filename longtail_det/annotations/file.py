"""Read an LVIS or COCO annotation file into tables of good records."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .checks import BadRecords, keep_good_annotations, keep_good_categories, keep_good_images
from .json_file import JsonFile
from .records import read_annotations, read_images
from .table import AnnotationTable, ImageTable

_PROGRESS_STEP = 10_000
_READERS: dict[str, Callable[[Iterator[Any], BadRecords], Any]] = {
    'images': lambda records, bad: keep_good_images(read_images(records, bad), bad),
    'annotations': read_annotations,
    'categories': keep_good_categories,
}


@dataclass(frozen=True)
class AnnotationFile:
    """The good records of an annotation file.

    Args:
        categories: records, ascending by id; the position is the class index of an unrestricted data set.
        images: in file order.
        annotations: in file order, each of one of these categories and on one of these images.
    """

    categories: list[Mapping[str, Any]]
    images: ImageTable
    annotations: AnnotationTable

    @property
    def category_ids(self) -> NDArray[np.int64]:
        """(C,) ids of the categories, ascending."""
        return np.array([category['id'] for category in self.categories], dtype=np.int64)


def read_annotation_file(
    path: str | Path, bad: BadRecords, *, need_annotations: bool = True, show_progress: bool = False
) -> AnnotationFile:
    """Read a whole file in the format of LVIS v0.5, LVIS v1 or COCO instances.

    Bad records are left out and noted in `bad`; `bad.settle` decides what comes of it.

    Args:
        path: json file on this machine.
        bad: takes note of bad records, and names the file in messages.
        need_annotations: whether a file without annotations, such as that of a test set, is an error.
        show_progress: whether to draw a progress bar.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or none of these formats.
    """
    tables = _read_tables(path, bad, tuple(_READERS), show_progress)
    if not need_annotations:
        tables.setdefault('annotations', read_annotations([], bad))
    _require(tables, tuple(_READERS), bad)
    file = AnnotationFile(tables['categories'], tables['images'], tables['annotations'])
    return replace(file, annotations=keep_good_annotations(file.annotations, file.images, file.category_ids, bad))


def read_categories(path: str | Path, bad: BadRecords) -> list[Mapping[str, Any]]:
    """Read the categories alone, ascending by id; everything before them is passed over.

    Args:
        path: json file on this machine.
        bad: takes note of bad records, and names the file in messages.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or without categories.
    """
    tables = _read_tables(path, bad, ('categories',), show_progress=False)
    _require(tables, ('categories',), bad)
    return tables['categories']


def _read_tables(path: str | Path, bad: BadRecords, keys: Sequence[str], show_progress: bool) -> dict[str, Any]:
    """Read the arrays of these keys as far as the file holds them, and nothing behind the last of them."""
    if not Path(path).is_file():
        raise FileNotFoundError(f'annotation file not found: {bad.path}')
    size = Path(path).stat().st_size
    tables: dict[str, Any] = {}
    try:
        with (
            open(path, 'rb') as file,
            tqdm(total=size, unit='B', unit_scale=True, desc='reading', disable=not show_progress) as bar,
        ):
            stream = JsonFile(file)
            _require_object(stream, bad)
            for key in stream.members():
                if key in keys and stream.at('['):
                    tables[key] = _READERS[key](_records(stream, bar), bad)
                    if len(tables) == len(keys):
                        break
                else:
                    stream.skip()
            bar.update(size - bar.n)
    except JSONDecodeError as error:
        raise ValueError(
            f'{bad.path} is not valid json: {error.msg} at byte {error.pos} of {size}; was it cut short while being '
            'downloaded or copied? Fetch it again'
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f'{bad.path} is not a text file; if it is a zip or gz archive, unpack it first') from None
    return tables


def _require_object(stream: JsonFile, bad: BadRecords) -> None:
    if stream.at('{'):
        return
    # incremental: the cut may be in the midst of a letter
    start = getincrementaldecoder('utf-8')().decode(stream.head(20)).strip()
    found = repr(start) if start else 'nothing'
    raise ValueError(
        f'{bad.path} is no LVIS or COCO annotation file: expected a json object with images, annotations and '
        f'categories, found {found} at its start'
    )


def _records(stream: JsonFile, bar: tqdm[Any]) -> Iterator[Any]:
    for position, record in enumerate(stream.items()):
        if position % _PROGRESS_STEP == 0:
            bar.update(stream.position - bar.n)
        yield record


def _require(tables: Mapping[str, Any], keys: Sequence[str], bad: BadRecords) -> None:
    missing = [key for key in keys if key not in tables]
    empty = [key for key in ('images', 'categories') if key in tables and not len(tables[key])]
    if missing or empty:
        what = f'has no {", ".join(missing)}' if missing else f'holds no usable {", ".join(empty)}'
        reason = next((f' ({examples[0]})' for examples in bad.examples.values()), '')
        raise ValueError(
            f'{bad.path} {what}{reason}; expected the format of LVIS or COCO instances: a json object with images, '
            'annotations and categories'
        )
