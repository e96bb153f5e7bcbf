"""Records of an annotation file -> `GroundTruth`; each record is looked at once and need not be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import AnnotationTable, BadRecords, ImageTable, category_groups, find_sorted
from longtail_det.annotations.checks import keep_good_categories, keep_unique_images
from longtail_det.annotations.records import tabulate_annotations, tabulate_images
from longtail_det.annotations.table import ClassLists

from .ground_truth import GroundTruth
from .parameters import needs_masks


def ground_truth_from_columns(
    images: ImageTable,
    lists: ClassLists,
    annotations: AnnotationTable,
    categories: Sequence[Mapping[str, Any]],
    segmentations: Sequence[Any] = (),
) -> GroundTruth:
    """Join the three tables of an annotation file.

    `ignore` is read as the lvis API reads it. `iscrowd`, which it does not know, counts as `ignore` only in a file
    without federated fields, where it has COCO's meaning.

    Args:
        images: of unique ids.
        lists: what they say of classes.
        annotations: on any images, of any categories.
        categories: records with `id` and `name`, ascending by id, maybe with `frequency` or `image_count`.
        segmentations: one per annotation; empty where masks are not scored.

    Raises:
        ValueError: an unknown `frequency`.
    """
    category_ids = np.array([category['id'] for category in categories], dtype=np.int64)
    image_order = np.argsort(images.ids, kind='stable')
    image_ids = images.ids[image_order]
    federated = bool(images.listed.any())

    pairs, known = _pairs(annotations.image_ids, annotations.category_ids, image_ids, category_ids)
    rows = np.flatnonzero(known & (annotations.areas > 0) & (annotations.areas < np.inf))
    rows = rows[np.argsort(pairs[rows], kind='stable')]
    ignore = annotations.ignore[rows]
    if not federated:
        ignore |= annotations.crowd[rows] & ~annotations.says_ignore[rows]
    return GroundTruth(
        image_ids=image_ids,
        image_sizes=images.sizes[image_order],
        category_ids=category_ids,
        names=tuple(category['name'] for category in categories),
        groups=category_groups(categories),
        federated=federated,
        complete=~images.listed[image_order],
        pairs=pairs[rows],
        object_ids=annotations.ids[rows],
        boxes=annotations.boxes[rows],
        areas=annotations.areas[rows],
        ignore=ignore,
        segmentations=segmentations,
        segmentation_rows=rows,
        listed_pairs=np.union1d(pairs[rows], _pair_set(lists.negatives, image_ids, category_ids)),
        open_pairs=_pair_set(lists.not_exhaustive, image_ids, category_ids),
    )


def ground_truth_table(gt: Mapping[str, Any], metrics: Sequence[str] = ('bbox', 'segm')) -> GroundTruth:
    """Return the table of an annotation file that was read from json.

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
    bad = BadRecords('the annotations')
    wants_masks = needs_masks(metrics)
    images, lists = tabulate_images(gt['images'], bad)
    images = keep_unique_images(images, bad)
    annotations = tabulate_annotations(gt['annotations'], bad, need_masks=wants_masks)
    categories = keep_good_categories(gt['categories'], bad)
    bad.refuse()
    masks = [annotation['segmentation'] for annotation in gt['annotations']] if wants_masks else []
    return ground_truth_from_columns(images, lists, annotations, categories, masks)


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
