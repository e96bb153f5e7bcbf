"""Detections of some images -> what is kept of them until all images are there: scores, flags and ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

from .flags import ALL_FLAGS, area_flags, pack_flags
from .ground_truth import GroundTruth
from .matching import assign, outside_area
from .overlaps import box_edges, mask_edges
from .parameters import MAX_DETS


@dataclass(frozen=True, eq=False)
class MatchTable:
    """Matched detections, m of them: ascending by image and class, best score first.

    Flags are those of `pack_flags`; `packed_flag` reads one.

    Args:
        images: (m,) int16 or int32 image rows.
        labels: (m,) int16 or int32 class indices.
        scores: (m,) float, as given.
        source: (m,) int32 number of the detection within its image, in the order given.
        in_max_dets: (m,) bool, among the 300 best of the image over all classes.
        true_positives: (m, 5) uint8, flags of the true positives.
        false_positives: (m, 5) uint8, flags of the false positives; what is neither is not to be counted.
        matched_gt: (m,) int32 row of the object matched at IoU 0.5 over all areas, -1 for none.
    """

    images: NDArray[Any]
    labels: NDArray[Any]
    scores: NDArray[Any]
    source: NDArray[np.int32]
    in_max_dets: NDArray[np.bool_]
    true_positives: NDArray[np.uint8]
    false_positives: NDArray[np.uint8]
    matched_gt: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.images)

    def select(self, rows: Any) -> MatchTable:
        """Select these rows: a bool mask, row numbers or a slice."""
        return MatchTable(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def concatenate(cls, tables: Sequence[MatchTable]) -> MatchTable:
        """Join tables of ascending images.

        Args:
            tables: at least one.
        """
        return cls(*(np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(cls)))


def within_max_dets(images: NDArray[Any], scores: NDArray[Any], max_dets: int = MAX_DETS) -> NDArray[np.bool_]:
    """Select the best detections of each image over all classes; of equal scores the earlier ones.

    Args:
        images: (n,) int, which image, ascending.
        scores: (n,) float.
        max_dets: how many count per image.

    Returns:
        (n,) bool.

    Example:
        >>> within_max_dets(np.array([4, 4, 4]), np.array([0.5, 0.9, 0.5]), max_dets=2).tolist()
        [True, True, False]
    """
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    counts = np.diff(starts, append=len(images))
    if counts.max(initial=0) <= max_dets:
        return np.ones(len(images), dtype=bool)
    kept = np.empty(len(images), dtype=bool)
    kept[np.lexsort((-scores, images))] = np.arange(len(images)) - np.repeat(starts, counts) < max_dets
    return kept


def match_table(
    gt: GroundTruth,
    images: NDArray[Any],
    labels: NDArray[Any],
    scores: NDArray[Any],
    shapes: Callable[[NDArray[np.int64]], Any],
    metric: str,
    areas: NDArray[np.float64] | None = None,
) -> MatchTable:
    """Match the detections of some images with the objects there, and keep only those that can count.

    Args:
        gt: the objects.
        images: (n,) int, image row of each detection, ascending.
        labels: (n,) int, class indices in [0, C); -1 for a class that is not scored, which counts only for
            the limit of the image.
        scores: (n,) float.
        shapes: gives the shapes of some rows, is called once and asked for those of pairs that are `gt.is_scored`:
            (m, 4) float64 x, y, width, height in pixels for 'bbox'; m compressed RLEs for 'segm' and 'boundary'.
        metric: 'bbox', 'segm' or 'boundary'.
        areas: (n,) float64 square pixels; those of the shapes where None.

    Returns:
        The detections on scored pairs with an area above zero.
    """
    pairs = images.astype(np.int64) * gt.num_classes + labels
    rows = np.flatnonzero(labels >= 0)
    rows = rows[gt.is_scored(pairs[rows])]
    picked = shapes(rows)
    sizes = _areas(picked, metric) if areas is None else areas[rows]
    kept = np.flatnonzero((sizes > 0) & (sizes < np.inf))
    order = kept[np.lexsort((-scores[rows[kept]], pairs[rows[kept]]))]
    rows, sizes = rows[order], sizes[order]
    found: Any = picked[order] if metric == 'bbox' else [picked[place] for place in order.tolist()]
    pairs_kept = pairs[rows]
    objects = _object_range(gt, pairs_kept)
    edges = (
        box_edges(gt, pairs_kept, found)
        if metric == 'bbox'
        else mask_edges(gt, pairs_kept, found, boundary=metric == 'boundary')
    )
    ignored = gt.ignore[objects, None] | outside_area(gt.areas[objects])
    assignment = assign(edges._replace(obj=edges.obj - objects.start), pairs_kept, ignored, len(ignored))
    uncounted = area_flags(outside_area(sizes) | gt.is_open(pairs_kept)[:, None])
    matched_gt = assignment.matched_gt
    return MatchTable(
        images=images[rows].astype(np.min_scalar_type(-len(gt.image_ids))),
        labels=labels[rows].astype(np.min_scalar_type(-gt.num_classes)),
        scores=scores[rows],
        source=(rows - np.searchsorted(images, images[rows])).astype(np.int32),
        in_max_dets=within_max_dets(images, scores)[rows],
        true_positives=pack_flags(assignment.matched & ~assignment.to_ignored),
        false_positives=pack_flags(ALL_FLAGS & ~assignment.matched & ~uncounted),
        matched_gt=np.where(matched_gt < 0, -1, matched_gt + objects.start).astype(np.int32),
    )


def _areas(shapes: Any, metric: str) -> NDArray[np.float64]:
    if metric == 'bbox':
        areas: NDArray[np.float64] = shapes[:, 2] * shapes[:, 3]
        return areas
    # pycocotools 2.0.11 fails on more than 255 masks
    parts = [mask_utils.area(shapes[first : first + 255]) for first in range(0, len(shapes), 255)]
    return np.concatenate([np.zeros(0), *parts])


def _object_range(gt: GroundTruth, pairs: NDArray[np.int64]) -> slice:
    """Objects from the first to the last of these ascending pairs."""
    if not len(pairs):
        return slice(0, 0)
    return slice(int(np.searchsorted(gt.pairs, pairs[0])), int(np.searchsorted(gt.pairs, pairs[-1], 'right')))
