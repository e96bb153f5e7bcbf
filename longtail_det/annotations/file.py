"""Read an LVIS or COCO annotation file, each record checked; a megabyte of the file is in memory at a time."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import BadRecords, keep_good_annotations, keep_good_categories, keep_good_images
from .json_file import JsonFile
from .records import tabulate_annotations, tabulate_images
from .table import AnnotationTable, ImageTable


@dataclass(frozen=True)
class AnnotationFile:
    """The good records of an annotation file.

    Args:
        categories: records, ascending by id; the position is the class index of an unrestricted dataset.
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
    path: str | Path,
    bad: BadRecords,
    *,
    need_annotations: bool = True,
    masks: str = 'pack',
    show_progress: bool = False,
) -> AnnotationFile:
    """Read a whole file in the format of LVIS v0.5, LVIS v1 or COCO instances.

    Bad records are left out and noted in `bad`; `bad.settle` decides what comes of it.

    Args:
        path: json file on this machine.
        bad: takes note of bad records, and names the file in messages.
        need_annotations: whether a file without annotations, such as that of a test set, is an error.
        masks: 'pack' checks and keeps them, 'skip' does not look at them.
        show_progress: whether to draw a progress bar.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or none of these formats.
    """
    readers: dict[str, Callable[[JsonFile], Any]] = {
        'images': lambda stream: keep_good_images(tabulate_images(stream.items(), bad), bad),
        'annotations': lambda stream: tabulate_annotations(stream.items(), bad, masks),
        'categories': lambda stream: keep_good_categories(stream.items(), bad),
    }
    default = {} if need_annotations else {'annotations': tabulate_annotations([], bad, masks)}
    tables = read_arrays(path, bad, readers, default, show_progress=show_progress)
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
    readers = {'categories': lambda stream: keep_good_categories(stream.items(), bad)}
    return read_arrays(path, bad, readers)['categories']


def read_images(path: str | Path, bad: BadRecords) -> ImageTable:
    """Read the images alone.

    Args:
        path: json file on this machine.
        bad: takes note of bad records, and names the file in messages.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or without images.
    """
    readers = {'images': lambda stream: keep_good_images(tabulate_images(stream.items(), bad), bad)}
    return read_arrays(path, bad, readers)['images']


def read_records(
    path: str | Path, bad: BadRecords, *, need_annotations: bool = True, masks: str = 'skip'
) -> dict[str, list[Any]]:
    """Read a file as the plain records of its json, each checked; LVIS v1 val takes a gigabyte.

    Args:
        path: json file on this machine.
        bad: takes note of malformed records, and names the file in messages.
        need_annotations: False for a test split, whose annotations are passed over.
        masks: 'need' demands one of each annotation, 'skip' does not look at them.

    Returns:
        `images`, `annotations` and `categories` in file order; an empty list for annotations that are not needed.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or none of these formats.
    """
    records: dict[str, list[Any]] = {'images': [], 'annotations': [], 'categories': []}

    def kept(stream: JsonFile, key: str) -> Iterator[Any]:
        for record in stream.items():
            records[key].append(record)
            yield record

    readers: dict[str, Callable[[JsonFile], Any]] = {
        'images': lambda stream: tabulate_images(kept(stream, 'images'), bad, named=False),
        'categories': lambda stream: keep_good_categories(kept(stream, 'categories'), bad),
    }
    if need_annotations:
        readers['annotations'] = lambda stream: tabulate_annotations(kept(stream, 'annotations'), bad, masks)
    read_arrays(path, bad, readers)
    return records


def read_arrays(
    path: str | Path,
    bad: BadRecords,
    readers: Mapping[str, Callable[[JsonFile], Any]],
    default: Mapping[str, Any] | None = None,
    *,
    show_progress: bool = False,
) -> dict[str, Any]:
    """Read some arrays of an annotation file, and nothing behind the last of them.

    Args:
        path: json file on this machine.
        bad: names the file in messages.
        readers: for each array what reads it, given the cursor in front of it.
        default: what stands for an array that the file does not hold.
        show_progress: whether to draw a progress bar.

    Returns:
        What each reader gave.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or an array is missing, or no good record is among the images or categories.
    """
    tables: dict[str, Any] = {}
    with open_json(path, bad, show_progress) as stream:
        _require_object(stream, bad)
        for key in stream.members():
            if key in readers and stream.at('['):
                tables[key] = readers[key](stream)
                if len(tables) == len(readers):
                    break
            else:
                stream.skip()
    tables = {**(default or {}), **tables}
    _require(tables, readers, bad)
    return tables


@contextmanager
def open_json(path: str | Path, bad: BadRecords, show_progress: bool = False) -> Iterator[JsonFile]:
    """Open a json file for reading piece by piece; what is wrong with it is one line.

    Args:
        path: json file on this machine.
        bad: names the file in messages.
        show_progress: whether to draw a progress bar.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, from the body of the `with` statement.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'annotation file not found: {bad.path}')
    size = Path(path).stat().st_size
    try:
        with open(path, 'rb') as file:
            if not show_progress:
                yield JsonFile(file)
                return
            from tqdm import tqdm
            from tqdm.utils import CallbackIOWrapper

            with tqdm(total=size, unit='B', unit_scale=True, desc='reading') as bar:
                yield JsonFile(CallbackIOWrapper(bar.update, file, 'read'))
                bar.update(size - bar.n)
    except JSONDecodeError as error:
        raise ValueError(
            f'{bad.path} is not valid json: {error.msg} at byte {error.pos} of {size}; was it cut short while being '
            'downloaded or copied? Fetch it again'
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f'{bad.path} is not a text file; if it is a zip or gz archive, unpack it first') from None


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


def _require(tables: Mapping[str, Any], keys: Iterable[str], bad: BadRecords) -> None:
    missing = [key for key in keys if key not in tables]
    empty = [key for key in ('images', 'categories') if key in tables and not len(tables[key])]
    if missing or empty:
        what = f'has no {", ".join(missing)}' if missing else f'holds no usable {", ".join(empty)}'
        reason = next((f' ({examples[0]})' for examples in bad.examples.values()), '')
        test = '; for a test split set test_mode=True in its dataset, format_only=True in its evaluator'
        raise ValueError(
            f'{bad.path} {what}{reason}; expected the format of LVIS or COCO instances: a json object with images, '
            f'annotations and categories{test if "annotations" in missing else ""}'
        )
