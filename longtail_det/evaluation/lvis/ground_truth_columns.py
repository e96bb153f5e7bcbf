"""Records of an annotation file -> `GroundTruth`; each record is looked at once and need not be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import AnnotationColumns, BadRecords, Segmentations, category_groups, find_sorted
from longtail_det.annotations.columns import KEYS, require, tabulate

from .ground_truth import GroundTruth
from .parameters import needs_masks


def ground_truth_from_columns(
    columns: AnnotationColumns, name: str, metrics: Sequence[str], on_bad: str = 'error'
) -> GroundTruth:
    """Join the three tables of an annotation file.

    `ignore` is read as the lvis API reads it. `iscrowd`, which it does not know, counts as `ignore` only in a file
    without federated fields, where it has COCO's meaning.

    Args:
        columns: of the file, with masks.
        name: the file, as messages name it.
        metrics: of 'bbox', 'segm' and 'boundary'; none for a test split without annotations.
        on_bad: 'error' refuses bad records, 'skip' leaves them out and logs how many they are.

    Raises:
        ValueError: a bad record, or an unknown `frequency`.
    """
    good = _find_good(columns, name, metrics, on_bad)
    images, lists, categories = columns.images.select(columns.good_images), columns.class_lists, columns.categories
    annotations = columns.annotations.select(good if metrics else np.arange(0))
    category_ids = np.array([category['id'] for category in categories], dtype=np.int64)
    image_order = np.argsort(images.ids, kind='stable')
    image_ids = images.ids[image_order]
    federated = bool(images.listed.any())

    pairs, _ = _pairs(annotations.image_ids, annotations.category_ids, image_ids, category_ids)
    rows = np.flatnonzero(annotations.areas > 0)
    rows = rows[np.argsort(pairs[rows], kind='stable')]
    ignore = annotations.ignore[rows]
    if not federated:
        ignore |= annotations.crowd[rows] & ~annotations.says_ignore[rows]
    return GroundTruth(
        image_ids=image_ids,
        image_sizes=images.sizes[image_order],
        category_ids=category_ids,
        names=tuple(category['name'] for category in categories),
        groups=_groups(categories, name),
        federated=federated,
        complete=~images.listed[image_order],
        pairs=pairs[rows],
        object_ids=annotations.ids[rows],
        boxes=annotations.boxes[rows],
        areas=annotations.areas[rows],
        ignore=ignore,
        segmentations=Segmentations(columns, annotations.rows) if needs_masks(metrics) else (),
        segmentation_rows=rows,
        listed_pairs=np.union1d(pairs[rows], _pair_set(lists.negatives, image_ids, category_ids)),
        open_pairs=_pair_set(lists.not_exhaustive, image_ids, category_ids),
    )


def ground_truth_table(gt: Mapping[str, Any], metrics: Sequence[str] = ('bbox', 'segm')) -> GroundTruth:
    """Return the table of an annotation file that was read from json.

    Args:
        gt: LVIS or COCO annotations: `images`, `annotations`, `categories`; not modified.
        metrics: what will be scored; 'segm' and 'boundary' need a `segmentation` on each annotation.

    Raises:
        ValueError: a missing key, or a bad record.

    Example:
        >>> gt = dict(images=[dict(id=3, height=8, width=8)], categories=[dict(id=1, name='ant')], annotations=[])
        >>> ground_truth_table(gt).image_ids.tolist()
        [3]
    """
    name = 'the annotations'
    return ground_truth_from_columns(tabulate({key: gt[key] for key in KEYS if key in gt}, name), name, metrics)


def _groups(categories: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.str_] | None:
    try:
        return category_groups(categories)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from None


def _find_good(columns: AnnotationColumns, name: str, metrics: Sequence[str], on_bad: str) -> NDArray[np.bool_]:
    bad = BadRecords(name)
    bad.update(columns.bad)
    if metrics and not columns.has_annotations:
        require({}, ['annotations'], bad)
    require({'images': columns.images, 'categories': columns.categories}, (), bad)
    good = columns.good_annotations
    if needs_masks(metrics):
        good = good & columns.require_masks(bad)
    bad.settle(on_bad)
    return good


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
