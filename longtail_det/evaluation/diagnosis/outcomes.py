"""The outcome of each detection and the ground truth it lies on, for calibration, confusion and galleries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

from longtail_det.annotations import find_sorted

from ..lvis import Detections, GroundTruth, ScoredDetections
from ..lvis.flags import packed_flag
from ..lvis.parameters import IOU_THRESHOLDS


class Outcome(IntEnum):
    """What a detection counts as at one IoU threshold, over all areas, in mode 'default'."""

    NOT_SCORED = 0  # the image tells nothing of this class, or the shape has no area, or the image was not asked for
    TRUE_POSITIVE = 1
    FALSE_POSITIVE = 2
    IGNORED = 3  # on an object to be ignored, or unmatched in a class that is not annotated exhaustively there
    BEYOND_MAX_DETS = 4  # not among the 300 best of its image


@dataclass(frozen=True, eq=False)
class DetectionOutcomes:
    """One row per detection, in the order given.

    Args:
        outcome: (n,) int8 values of `Outcome`.
        object_rows: (n,) int64 row in `GroundTruth` of the object matched at IoU 0.5, -1 for none.
    """

    outcome: NDArray[np.int8]
    object_rows: NDArray[np.int64]


def detection_outcomes(scored: ScoredDetections, num_detections: int, iou_threshold: float = 0.5) -> DetectionOutcomes:
    """Return what each detection counted as.

    Args:
        scored: from `match_detections`.
        num_detections: how many were given to it.
        iou_threshold: one of 0.5, 0.55, ..., 0.95.

    Raises:
        ValueError: another threshold.
    """
    which = np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou_threshold))
    if not which.size:
        raise ValueError(f'iou_threshold {iou_threshold} is none of {IOU_THRESHOLDS.round(2).tolist()}')
    matches = scored.matches
    true_positive, false_positive = (
        packed_flag(flags, 0, int(which[0])) for flags in (matches.true_positives, matches.false_positives)
    )
    outcome = np.full(num_detections, Outcome.NOT_SCORED, dtype=np.int8)
    kinds = np.select(
        [~matches.in_max_dets, true_positive, false_positive],
        [Outcome.BEYOND_MAX_DETS, Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE],
        Outcome.IGNORED,
    )
    outcome[scored.records] = kinds
    object_rows = np.full(num_detections, -1, dtype=np.int64)
    object_rows[scored.records] = matches.matched_gt
    return DetectionOutcomes(outcome, object_rows)


def nearest_objects(gt: GroundTruth, detections: Detections) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the object of any class that each detection's box overlaps most.

    Args:
        gt: the objects.
        detections: with boxes, in any order of images.

    Returns:
        (n,) rows in `gt`, -1 where the box overlaps nothing, and (n,) box IoU in [0, 1].

    Raises:
        ValueError: detections without boxes.
    """
    if detections.boxes is None:
        raise ValueError("detections without boxes; give detection_columns metrics=('bbox',)")
    nearest, best = np.full(len(detections), -1, dtype=np.int64), np.zeros(len(detections))
    image_rows, known = find_sorted(detections.image_ids, gt.image_ids)
    order = np.flatnonzero(known)
    order = order[np.argsort(image_rows[order], kind='stable')]
    images = image_rows[order]
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    for rows in np.split(order, starts[1:]) if len(starts) else ():
        image = image_rows[rows[0]]
        first, last = np.searchsorted(gt.object_images, [image, image + 1])
        if last > first:
            iou = mask_utils.iou(detections.boxes[rows], gt.boxes[first:last], [0] * int(last - first))
            choice = iou.argmax(axis=1)
            best[rows] = iou[np.arange(len(rows)), choice]
            nearest[rows] = np.where(best[rows] > 0, choice + first, -1)
    return nearest, best
