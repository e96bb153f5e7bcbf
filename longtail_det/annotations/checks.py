"""Find the bad records of an annotation file and name each: the file, the record's id, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bad_records import BadRecords
from .masks import MaskKind
from .table import AnnotationTable, ImageTable, find_rows


def keep_good_categories(categories: Iterable[Any], bad: BadRecords) -> list[Mapping[str, Any]]:
    """Sort the categories by id and leave out those that nothing can refer to.

    Args:
        categories: records with `id` and `name`.
        bad: takes note of what is left out.

    Returns:
        Records of unique ids, ascending: the class order of the model.
    """
    good: dict[int, Mapping[str, Any]] = {}
    for position, record in enumerate(categories):
        if not isinstance(record, Mapping) or not {'id', 'name'} <= record.keys():
            bad.add('malformed categories', f'categories[{position}] has no id and name')
        elif not isinstance(record['id'], (int, np.integer)) or not isinstance(record['name'], str):
            bad.add('malformed categories', f'categories[{position}] has no integer id and text name')
        elif record['id'] in good:
            bad.add('categories with a repeated id', f'category id {record["id"]} is used twice')
        else:
            good[int(record['id'])] = record
    return [good[category_id] for category_id in sorted(good)]


def find_good_images(table: ImageTable, bad: BadRecords) -> NDArray[np.bool_]:
    """Find the images of a size and a name, of each id the first.

    Args:
        table: images as read.
        bad: takes note of the others.

    Returns:
        (I,) bool.
    """
    good = bad.add_rows(
        'images without a name',
        table.names == '',
        lambda row: f'image {table.ids[row]} has no file_name or coco_url',
    )
    sized = bad.add_rows(
        'images without a size',
        (table.sizes.min(axis=1) <= 0) & good,
        lambda row: f'image {table.ids[row]}: its size is {_width_x_height(table.sizes[row])}',
    )
    rows = np.flatnonzero(good & sized)
    unique = _find_unique_images(table.ids[rows], bad)
    good = np.zeros(len(table), dtype=bool)
    good[rows[unique]] = True
    return good


def keep_unique_images(table: ImageTable, bad: BadRecords) -> ImageTable:
    """Leave out all but the first image of an id.

    Args:
        table: images as read.
        bad: takes note of what is left out.
    """
    return table.select(_find_unique_images(table.ids, bad))


def find_good_annotations(
    table: AnnotationTable, images: ImageTable, category_ids: NDArray[np.int64], bad: BadRecords
) -> NDArray[np.bool_]:
    """Find the annotations that contradict neither themselves nor the rest of the file.

    Args:
        table: annotations as read.
        images: the good images.
        category_ids: (C,) int64, the good categories.
        bad: takes note of the others, once per annotation; of invalid masks it has taken note already.

    Returns:
        (A,) bool, annotations of unique ids, each of a known category, with a box that meets its known image.
    """
    rows = np.flatnonzero(table.mask_kinds != MaskKind.INVALID)
    good = np.zeros(len(table), dtype=bool)
    good[rows[_find_consistent(table.select(rows), images, category_ids, bad)]] = True
    return good


def _find_consistent(
    table: AnnotationTable, images: ImageTable, category_ids: NDArray[np.int64], bad: BadRecords
) -> NDArray[np.bool_]:
    rows = find_rows(table.image_ids, images.ids)
    sizes = images.sizes[rows] if len(images) else np.zeros((len(table), 2), dtype=np.int64)
    faults: list[tuple[str, NDArray[np.bool_], Callable[[int], str]]] = [
        (
            'annotations with a repeated id',
            _repeated(table.ids),
            lambda row: 'its id is used twice',
        ),
        (
            'annotations of an unknown category',
            find_rows(table.category_ids, category_ids) < 0,
            lambda row: f'category_id {table.category_ids[row]} is none of the {len(category_ids)} categories',
        ),
        (
            'annotations of an unknown image',
            rows < 0,
            lambda row: f'image_id {table.image_ids[row]} is none of the {len(images)} images',
        ),
        (
            'boxes of a negative or non-finite size',
            _without_size(table.boxes),
            lambda row: f'bbox {table.boxes[row].tolist()} is not x, y, width >= 0, height >= 0',
        ),
        (
            'annotations without a finite area',
            ~np.isfinite(table.areas),
            lambda row: f'area {table.areas[row]} is no number of square pixels',
        ),
        (
            'boxes outside their image',
            _outside(table, sizes),
            lambda row: f'bbox {table.boxes[row].tolist()} does not meet its image of {_width_x_height(sizes[row])}',
        ),
        (
            'RLE masks of another size than their image',
            table.has_rle & (table.rle_sizes != sizes).any(axis=1),
            lambda row: f'RLE of {_width_x_height(table.rle_sizes[row])} on an image of {_width_x_height(sizes[row])}',
        ),
    ]
    good = np.ones(len(table), dtype=bool)
    for kind, wrong, sentence in faults:
        good &= bad.add_rows(kind, wrong & good, partial(_name_annotation, table, sentence))
    return good


def _name_annotation(table: AnnotationTable, sentence: Callable[[int], str], row: int) -> str:
    return f'annotation {table.ids[row]}: {sentence(row)}'


def _without_size(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_finite = np.isfinite(np.abs(boxes).sum(axis=1))
    return ~(is_finite & (boxes[:, 2:].min(axis=1) >= 0))


def _outside(table: AnnotationTable, sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(A,) bool, a box that holds no pixel of its image; `ignore`d and tiny ones are never trained on, so may be."""
    low, high = table.boxes[:, :2], table.boxes[:, :2] + table.boxes[:, 2:]
    inside = (np.minimum(high, sizes[:, ::-1]) > np.maximum(low, 0)).all(axis=1)
    return ~inside & ~table.ignore & ~table.tiny


def _find_unique_images(ids: NDArray[np.int64], bad: BadRecords) -> NDArray[np.bool_]:
    kind = 'images with a repeated id'
    return bad.add_rows(kind, _repeated(ids), lambda row: f'image id {ids[row]} is used twice')


def _width_x_height(size: NDArray[np.int64]) -> str:
    return f'{size[1]}x{size[0]}'


def _repeated(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(rows,) bool, all but the first row of each id."""
    repeated = np.ones(len(ids), dtype=bool)
    repeated[np.unique(ids, return_index=True)[1]] = False
    return repeated
