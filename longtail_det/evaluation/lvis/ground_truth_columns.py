"""Records of an annotation file -> `GroundTruth`; each record is looked at once and need not be kept."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import category_groups

from .ground_truth import GroundTruth, find_sorted

# struct refuses a row whole where a value has the wrong type
_OBJECT_ROW = struct.Struct('=4q5d')
_OBJECT_COLUMNS = np.dtype([('ids', 'i8', 3), ('ignore', 'i8'), ('box', 'f8', 4), ('area', 'f8')])
_IGNORE, _CROWD = 1, 2
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError, struct.error)


class ImageColumns(NamedTuple):
    """Images as read.

    Args:
        ids_sizes: (I, 3) int64 id, height, width.
        listed: (I,) bool, the image has `neg_category_ids`.
        negatives: (n, 2) int64 image id and category id.
        not_exhaustive: (m, 2) int64 likewise.
    """

    ids_sizes: NDArray[np.int64]
    listed: NDArray[np.bool_]
    negatives: NDArray[np.int64]
    not_exhaustive: NDArray[np.int64]


def image_columns(records: Iterable[Mapping[str, Any]]) -> ImageColumns:
    """Tabulate image records.

    Args:
        records: with `id`, `height`, `width`, maybe `neg_category_ids` and `not_exhaustive_category_ids`.

    Raises:
        ValueError: a record that lacks a field, named by its id or position.
    """
    rows: list[tuple[int, int, int]] = []
    listed: list[bool] = []
    pairs = {'neg_category_ids': array('q'), 'not_exhaustive_category_ids': array('q')}
    for position, record in enumerate(records):
        try:
            image_id = record['id']
            rows.append((image_id, record['height'], record['width']))
            listed.append('neg_category_ids' in record)
            for key, found in pairs.items():
                for category_id in record.get(key, ()):
                    found.extend((image_id, category_id))
        except _MALFORMED as error:
            raise ValueError(f'{_title("image", record, position)}: {_reason(error)}') from None
    negatives, not_exhaustive = (np.array(found, dtype=np.int64).reshape(-1, 2) for found in pairs.values())
    return ImageColumns(
        _integers(rows, 3, 'id, height, width of the images'), np.array(listed, bool), negatives, not_exhaustive
    )


def object_columns(records: Iterable[Mapping[str, Any]], needs_masks: bool) -> NDArray[Any]:
    """Tabulate annotation records.

    Args:
        records: with `image_id`, `category_id`, `bbox`, `area`, maybe `id`, `ignore`, `iscrowd`.
        needs_masks: whether each must have a `segmentation`.

    Returns:
        (A,) structured `ids` (id, image id, category id), `ignore` (0, 1 ignored, 2 a crowd that does not say
        whether it is to be ignored), `box` xywh, `area`.

    Raises:
        ValueError: a record that lacks a field, named by its id or position.
    """
    rows = bytearray()
    pack = _OBJECT_ROW.pack
    for position, record in enumerate(records):
        try:
            if needs_masks:
                record['segmentation']
            ignore = bool(record['ignore']) if 'ignore' in record else _CROWD * bool(record.get('iscrowd', 0))
            rows += pack(
                record.get('id', position),
                record['image_id'],
                record['category_id'],
                ignore,
                *record['bbox'],
                record['area'],
            )
        except _MALFORMED as error:
            raise ValueError(f'{_title("annotation", record, position)}: {_reason(error)}') from None
    return np.frombuffer(rows, dtype=_OBJECT_COLUMNS)


def ground_truth_from_columns(
    images: ImageColumns,
    objects: NDArray[Any],
    categories: Sequence[Mapping[str, Any]],
    segmentations: Sequence[Any] = (),
) -> GroundTruth:
    """Join the three tables of an annotation file.

    `ignore` is read as the lvis API reads it. `iscrowd`, which it does not know, counts as `ignore` only in a file
    without federated fields, where it has COCO's meaning.

    Args:
        images: see `image_columns`.
        objects: see `object_columns`.
        categories: records with `id` and `name`, maybe `frequency` or `image_count`.
        segmentations: one per row of `objects`; empty where masks are not scored.

    Raises:
        ValueError: an image id or category id that appears twice, or categories without id and name.
    """
    try:
        categories = sorted(categories, key=lambda category: category['id'])
        names = tuple(category['name'] for category in categories)
    except _MALFORMED as error:
        raise ValueError(f'a category of the annotation file: {_reason(error)}') from None
    category_ids = _integers([category['id'] for category in categories], None, 'category ids')
    _refuse_repeated('category', category_ids)
    image_order = np.argsort(images.ids_sizes[:, 0], kind='stable')
    image_ids = images.ids_sizes[image_order, 0]
    _refuse_repeated('image', image_ids)
    federated = bool(images.listed.any())

    pairs, known = _pairs(objects['ids'][:, 1], objects['ids'][:, 2], image_ids, category_ids)
    rows = np.flatnonzero(known & (objects['area'] > 0) & (objects['area'] < np.inf))
    rows = rows[np.argsort(pairs[rows], kind='stable')]
    ignore = objects['ignore'][rows]
    return GroundTruth(
        image_ids=image_ids,
        image_sizes=images.ids_sizes[image_order, 1:],
        category_ids=category_ids,
        names=names,
        groups=category_groups(categories),
        federated=federated,
        complete=~images.listed[image_order],
        pairs=pairs[rows],
        object_ids=objects['ids'][rows, 0],
        boxes=objects['box'][rows],
        areas=objects['area'][rows],
        ignore=ignore == _IGNORE if federated else ignore > 0,
        segmentations=segmentations,
        segmentation_rows=rows,
        listed_pairs=np.union1d(pairs[rows], _pair_set(images.negatives, image_ids, category_ids)),
        open_pairs=_pair_set(images.not_exhaustive, image_ids, category_ids),
    )


def ground_truth_table(gt: Mapping[str, Any], metrics: Sequence[str] = ('bbox', 'segm')) -> GroundTruth:
    """Tabulate an annotation file that was read from json.

    Args:
        gt: LVIS or COCO annotations: `images`, `annotations`, `categories`; not modified, masks are not copied.
        metrics: what will be scored; 'segm' and 'boundary' need a `segmentation` on each annotation.

    Raises:
        ValueError: a missing key, or a record that lacks a field.

    Example:
        >>> gt = dict(images=[dict(id=3, height=8, width=8)], categories=[dict(id=1, name='ant')], annotations=[])
        >>> ground_truth_table(gt).image_ids.tolist()
        [3]
    """
    missing = [key for key in ('images', 'annotations', 'categories') if key not in gt]
    if missing:
        raise ValueError(f'the annotations have no {missing[0]!r}; expected those of LVIS or COCO')
    needs_masks = not {'segm', 'boundary'}.isdisjoint(metrics)
    objects = object_columns(gt['annotations'], needs_masks)
    masks = [annotation['segmentation'] for annotation in gt['annotations']] if needs_masks else []
    return ground_truth_from_columns(image_columns(gt['images']), objects, gt['categories'], masks)


def _pairs(
    images: NDArray[np.int64],
    categories: NDArray[np.int64],
    image_ids: NDArray[np.int64],
    category_ids: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    rows, known_image = find_sorted(images, image_ids)
    labels, known_class = find_sorted(categories, category_ids)
    return rows * len(category_ids) + labels, known_image & known_class


def _pair_set(
    listed: NDArray[np.int64], image_ids: NDArray[np.int64], category_ids: NDArray[np.int64]
) -> NDArray[np.int64]:
    pairs, known = _pairs(listed[:, 0], listed[:, 1], image_ids, category_ids)
    return np.unique(pairs[known])


def _integers(values: list[Any], columns: int | None, what: str) -> NDArray[np.int64]:
    table = np.array(values if values else np.zeros((0, columns) if columns else 0, dtype=np.int64))
    if table.dtype.kind not in 'iu':
        raise ValueError(f'the {what} in the annotation file are not all whole numbers')
    return table.astype(np.int64, copy=False)


def _refuse_repeated(noun: str, ids: NDArray[np.int64]) -> None:
    repeated = ids[1:][ids[1:] == ids[:-1]]
    if repeated.size:
        raise ValueError(f'{noun} id {repeated[0]} is used twice in the annotation file; ids must be unique')


def _title(noun: str, record: Any, position: int) -> str:
    if isinstance(record, Mapping) and 'id' in record:
        return f'{noun} {record["id"]}'
    return f'{noun}s[{position}]'


def _reason(error: Exception) -> str:
    return f'has no {error.args[0]!r}' if isinstance(error, KeyError) else f'cannot be read ({error})'
