"""Read an LVIS or COCO annotation file, each record checked, from its JSON or from its store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bad_records import BadRecords
from .checks import find_good_images, find_named_images, keep_good_categories
from .columns import KEYS, AnnotationColumns, read_columns, require, tabulate
from .gc_pause import gc_pause
from .json_members import JsonMembers, decode_plainly
from .records import tabulate_images
from .table import AnnotationTable, ImageTable
from .yolo import read_yolo_columns


@dataclass(frozen=True)
class AnnotationFile:
    """The good records of an annotation file.

    Args:
        categories: records, ascending by id; the position is the class index of an unrestricted dataset.
        images: in file order.
        annotations: image after image, in file order within an image, each of one of these categories and images.
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
    masks: bool = True,
    show_progress: bool = False,
) -> AnnotationFile:
    """Read a whole file in the format of LVIS v0.5, LVIS v1 or COCO instances, or a folder of YOLO labels.

    Bad records are left out and noted in `bad`; `bad.settle` decides what comes of it.

    Args:
        path: json file on this machine, or a folder (`read_yolo_columns` tells of which, and what it cannot know).
        bad: takes note of bad records, and names the file in messages.
        need_annotations: whether a file without annotations, such as that of a test set, is an error.
        masks: whether to look at them; an annotation with an invalid one is bad.
        show_progress: whether to draw a progress bar.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or none of these formats.
    """
    if Path(path).is_dir():
        columns = read_yolo_columns(path, bad.path, show_progress=show_progress)
    else:
        columns = read_columns(path, bad.path, masks=masks, show_progress=show_progress)
    return select_good(columns, bad, need_annotations=need_annotations)


def select_good(columns: AnnotationColumns, bad: BadRecords, *, need_annotations: bool = True) -> AnnotationFile:
    """Select the good records of a file.

    Args:
        columns: of the file.
        bad: takes note of the others, and names the file in messages.
        need_annotations: whether a file without annotations, such as that of a test set, is an error.

    Returns:
        The good records; the columns themselves, uncopied, where all are good.

    Raises:
        ValueError: without annotations, or no good image or category.
    """
    bad.update(columns.bad)
    images = columns.images.select(columns.good_images)
    annotations = columns.annotations.select(columns.good_annotations)
    named = find_named_images(images, bad)
    if not named.all():
        images = images.select(named)
        annotations = annotations.select(np.isin(annotations.image_ids, images.ids))
    found: dict[str, Any] = {'images': images, 'categories': columns.categories}
    if columns.has_annotations:
        found['annotations'] = columns.annotations
    require(found, KEYS if need_annotations else (), bad)
    return AnnotationFile(columns.categories, images, annotations)


def read_categories(path: str | Path, bad: BadRecords) -> list[Mapping[str, Any]]:
    """Read the categories alone, ascending by id.

    Args:
        path: json file on this machine.
        bad: takes note of bad records, and names the file in messages.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or without categories.
    """
    arrays = JsonMembers(path, bad.path, ['categories']).arrays
    require(arrays, ['categories'], bad)
    categories = keep_good_categories(map(decode_plainly, arrays['categories']), bad)
    require({'categories': categories}, (), bad)
    return categories


def read_images(path: str | Path, bad: BadRecords) -> ImageTable:
    """Read the images alone.

    Args:
        path: json file on this machine.
        bad: takes note of bad records, and names the file in messages.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or without images.
    """
    arrays = JsonMembers(path, bad.path, ['images']).arrays
    require(arrays, ['images'], bad)
    table, _ = tabulate_images(arrays['images'], bad)
    images = table.select(find_good_images(table, bad))
    images = images.select(find_named_images(images, bad))
    require({'images': images}, (), bad)
    return images


def read_records(
    path: str | Path, bad: BadRecords, *, need_annotations: bool = True, need_masks: bool = False
) -> dict[str, list[Any]]:
    """Read a file as the plain records of its json, each checked; LVIS v1 val takes a gigabyte.

    Args:
        path: json file on this machine.
        bad: takes note of malformed records, and names the file in messages.
        need_annotations: False for a test split, whose annotations are passed over.
        need_masks: whether an annotation without a mask is malformed.

    Returns:
        `images`, `annotations` and `categories` in file order; an empty list for annotations that are not needed.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or none of these formats.
    """
    keys = KEYS if need_annotations else ('images', 'categories')
    with gc_pause():
        arrays = JsonMembers(path, bad.path, keys).arrays
        require(arrays, keys, bad)
        records = {key: list(map(decode_plainly, arrays.get(key, ()))) for key in KEYS}
        columns = tabulate(dict(records), bad.path, masks=need_masks)
    bad.update(columns.bad)
    if need_masks:
        columns.require_masks(bad)
    require({'images': columns.images, 'categories': columns.categories}, (), bad)
    return records
