"""AP of each class on resamples of the images, from the flags of the matched detections: nothing is matched again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..lvis.accumulation import rank_detections
from ..lvis.ground_truth import GroundTruth
from ..lvis.match_table import MatchTable
from ..lvis.matching import outside_area
from ..lvis.parameters import IOU_THRESHOLDS, RECALL_THRESHOLDS

#: weights that are looked at together: they stay in the processor's cache
_BLOCK = 2**19


def weighted_class_ap(
    gt: GroundTruth,
    image_rows: NDArray[np.int64],
    matches: MatchTable,
    kept: NDArray[np.bool_],
    weights: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Compute the AP of each class where images count several times or not at all.

    An image of weight w counts as w images with the same objects and detections: of each class and IoU threshold, true
    and false positives are weighted sums over the ranked detections. The precision at 101 recalls follows as in the
    LVIS API. Which detections of an image count does not depend on other images, so the flags stay as they are.

    Args:
        gt: the objects.
        image_rows: (I,) ascending rows of the images that were looked at.
        matches: detections, ascending by image; of equal scores on an image and class all copies of the first rank
            before those of the second.
        kept: (m,) bool, which of them count.
        weights: (R, I) uint8, one row per resample.

    Returns:
        (R, C) float64 AP in [0, 1], mean over IoU thresholds; NaN where the images of a resample hold no object of the
        class.
    """
    objects = np.flatnonzero(~gt.ignore & ~outside_area(gt.areas)[:, 0] & np.isin(gt.object_images, image_rows))
    objects = objects[np.argsort(gt.labels[objects], kind='stable')]
    object_bounds = np.searchsorted(gt.labels[objects], np.arange(gt.num_classes + 1))
    object_places = np.searchsorted(image_rows, gt.object_images[objects])
    true, false = (_flags_over_all_areas(flags) for flags in (matches.true_positives, matches.false_positives))
    order, bounds = rank_detections(matches, kept & (true | false).any(axis=1), gt.num_classes)
    true, false, places = true[order], false[order], np.searchsorted(image_rows, matches.images[order])
    ap = np.full((len(weights), gt.num_classes), np.nan)
    for label in np.flatnonzero(np.diff(object_bounds)):
        rows = slice(bounds[label], bounds[label + 1])
        there = object_places[object_bounds[label] : object_bounds[label + 1]]
        step = max(1, _BLOCK // max(len(there), rows.stop - rows.start))
        for block in np.split(np.arange(len(weights)), range(step, len(weights), step)):
            num_objects = weights[block[0] : block[-1] + 1].take(there, axis=1).sum(axis=1, dtype=np.int64)
            block, num_objects = block[num_objects > 0], num_objects[num_objects > 0]
            if len(block):
                ap[block, label] = _average_precision(
                    weights[block].take(places[rows], axis=1), true[rows], false[rows], num_objects
                )
    return ap


def _flags_over_all_areas(packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.unpackbits(packed, axis=1, count=len(IOU_THRESHOLDS)).astype(bool)


def _average_precision(
    weights: NDArray[np.uint8],
    true_positives: NDArray[np.bool_],
    false_positives: NDArray[np.bool_],
    num_objects: NDArray[np.int64],
) -> NDArray[np.float64]:
    """AP of one class: (R, n) weights of its ranked detections, (n, T) flags, (R,) objects above 0 -> (R,)."""
    places = np.flatnonzero(true_positives.any(axis=1))
    # `take` keeps the rows of the array together in memory, which indexing does not: sums along them are faster
    # only the precision at true positives matters: behind one of them it falls until the next
    seen = np.cumsum(weights, axis=1, dtype=np.int32).take(places, axis=1)
    total = np.zeros(len(weights))
    for true, false in zip(true_positives.T, false_positives.T, strict=True):
        found = np.cumsum(weights.take(np.flatnonzero(true), axis=1), axis=1, dtype=np.int32)
        counted = seen.take(np.flatnonzero(true[places]), axis=1)
        ignored = ~(true | false)
        if ignored.any():
            before = np.cumsum(
                np.pad(weights.take(np.flatnonzero(ignored), axis=1), ((0, 0), (1, 0))), axis=1, dtype=np.int32
            )
            counted = counted - before.take(np.cumsum(ignored)[true], axis=1)
        precision = found / (counted + np.spacing(1))
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        # each true positive gives its precision to the recall thresholds that it is the first to reach
        reached = _thresholds_reached(found / num_objects[:, None])
        total += (best * np.diff(reached, axis=1, prepend=0)).sum(axis=1)
    return total / true_positives.shape[1] / len(RECALL_THRESHOLDS)


def _thresholds_reached(recall: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many recall thresholds are no greater, as float64 has them."""
    index = (100 * recall + 1e-9).astype(np.int64)  # off by one at most where a quotient lies beside a threshold
    return index + (RECALL_THRESHOLDS[index] <= recall)
