"""Find the bad records of an annotation file and name each: the file, the record's id, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bad_records import BadRecords
from .json_members import RepeatedKey
from .mask_checks import Fault, is_far, mask_faults, width_x_height
from .masks import MaskColumns, MaskKind
from .record_faults import is_integer
from .rle_pixels import MAX_PIXELS
from .table import AnnotationTable, ImageTable, find_rows


def keep_good_categories(categories: Iterable[Any], bad: BadRecords) -> list[Mapping[str, Any]]:
    """Sort the categories by id and leave out those that nothing can refer to.

    Args:
        categories: records with `id` and `name`.
        bad: takes note of what is left out.

    Returns:
        Records of unique ids and names, ascending: the class order of the model.
    """
    good: dict[int, Mapping[str, Any]] = {}
    id_of: dict[str, int] = {}
    for position, record in enumerate(categories):
        if isinstance(record, RepeatedKey):
            bad.add('malformed categories', f'categories[{position}] has {record.key} twice')
        elif not isinstance(record, Mapping) or not {'id', 'name'} <= record.keys():
            bad.add('malformed categories', f'categories[{position}] has no id and name')
        elif not is_integer(record['id']) or not isinstance(record['name'], str):
            found = f'id {record["id"]!r:.40} and name {record["name"]!r:.40}'
            bad.add('malformed categories', f'categories[{position}] has {found}, expected an integer id and text name')
        elif record['id'] in good:
            bad.add('categories with a repeated id', f'category id {record["id"]} is used twice')
        elif record['name'] in id_of:
            both = f'{id_of[record["name"]]} and {record["id"]}'
            bad.add('categories with a repeated name', f'categories {both} are both named {record["name"]!r:.40}')
        else:
            good[int(record['id'])] = record
            id_of[record['name']] = record['id']
    return [good[category_id] for category_id in sorted(good)]


def find_good_images(table: ImageTable, bad: BadRecords) -> NDArray[np.bool_]:
    """Find the images of a size, of each id the first.

    Args:
        table: images as read.
        bad: takes note of the others.

    Returns:
        (I,) bool.
    """
    sides = np.clip(table.sizes, 0, MAX_PIXELS + 1)  # whose product has 62 bits
    sized = bad.add_rows(
        'images without a size',
        (sides.min(axis=1) == 0) | (sides.prod(axis=1) > MAX_PIXELS),
        lambda row: (
            f'image {table.ids[row]}: its size is {width_x_height(table.sizes[row])}, '
            f'expected at least 1x1 and at most {MAX_PIXELS} pixels'
        ),
    )
    rows = np.flatnonzero(sized)
    unique = _find_unique_images(table.ids[rows], bad)
    good = np.zeros(len(table), dtype=bool)
    good[rows[unique]] = True
    return good


def find_named_images(table: ImageTable, bad: BadRecords) -> NDArray[np.bool_]:
    """Find the images with a file name, which only those who load them need.

    Args:
        table: images as read.
        bad: takes note of the others.

    Returns:
        (I,) bool.
    """
    return bad.add_rows(
        'images without a name',
        table.names == '',
        lambda row: f'image {table.ids[row]} has no file_name or coco_url',
    )


def find_good_annotations(
    table: AnnotationTable,
    images: ImageTable,
    category_ids: NDArray[np.int64],
    bad: BadRecords,
    masks: MaskColumns | None = None,
) -> NDArray[np.bool_]:
    """Find the annotations that contradict neither themselves nor the rest of the file.

    Args:
        table: annotations as read.
        images: the good images.
        category_ids: (C,) int64, the good categories.
        bad: takes note of the others, once per annotation; of invalid masks it has taken note already.
        masks: those of `table`, in its order; None where they were not read.

    Returns:
        (A,) bool, annotations of unique ids, each of a known category, with a box and a mask that fit its known image.
    """
    rows = find_rows(table.image_ids, images.ids)
    sizes = images.sizes[rows] if len(images) else np.zeros((len(table), 2), dtype=np.int64)
    faults = _box_faults(table, images, rows, sizes, category_ids)
    if masks is not None:
        faults += mask_faults(table, masks, sizes)
    good = table.mask_kinds != MaskKind.INVALID
    for kind, wrong, sentence in faults:
        good = good & bad.add_rows(kind, wrong & good, partial(_name_annotation, table, sentence))
    return good


def _box_faults(
    table: AnnotationTable,
    images: ImageTable,
    image_rows: NDArray[np.intp],
    sizes: NDArray[np.int64],
    category_ids: NDArray[np.int64],
) -> list[Fault]:
    lows, highs = table.boxes[:, :2], table.boxes[:, :2] + table.boxes[:, 2:]

    def box(row: int) -> str:
        return f'bbox {table.boxes[row].tolist()}'

    return [
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
            image_rows < 0,
            lambda row: f'image_id {table.image_ids[row]} is none of the {len(images)} images',
        ),
        (
            'boxes of a negative or non-finite size',
            _without_size(table.boxes),
            lambda row: f'{box(row)} is not x, y, width >= 0, height >= 0',
        ),
        (
            'annotations of a negative or non-finite area',
            ~((table.areas >= 0) & (table.areas < np.inf)),
            lambda row: f'area {table.areas[row]} is no number of square pixels',
        ),
        (
            'boxes outside their image',
            _outside(table, lows, highs, sizes),
            lambda row: f'{box(row)} does not meet its image of {width_x_height(sizes[row])}',
        ),
        (
            'boxes far from their image',
            is_far(lows, highs, sizes),
            lambda row: f'{box(row)} reaches far from its image of {width_x_height(sizes[row])}',
        ),
    ]


def _name_annotation(table: AnnotationTable, sentence: Callable[[int], str], row: int) -> str:
    return f'annotation {table.ids[row]}: {sentence(row)}'


def _without_size(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_finite = np.isfinite(np.abs(boxes).sum(axis=1))
    return ~(is_finite & (boxes[:, 2:].min(axis=1) >= 0))


def _outside(
    table: AnnotationTable, lows: NDArray[np.float64], highs: NDArray[np.float64], sizes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(A,) bool, a box that holds no pixel of its image; `ignore`d and tiny ones are never trained on, so may be."""
    inside = (np.minimum(highs, sizes[:, ::-1]) > np.maximum(lows, 0)).all(axis=1)
    return ~inside & ~table.ignore & ~table.tiny


def _find_unique_images(ids: NDArray[np.int64], bad: BadRecords) -> NDArray[np.bool_]:
    kind = 'images with a repeated id'
    return bad.add_rows(kind, _repeated(ids), lambda row: f'image id {ids[row]} is used twice')


def _repeated(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(rows,) bool, all but the first row of each id."""
    repeated = np.ones(len(ids), dtype=bool)
    repeated[np.unique(ids, return_index=True)[1]] = False
    return repeated
