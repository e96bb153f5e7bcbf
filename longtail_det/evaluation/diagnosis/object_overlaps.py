"""How far the detections that count overlap the objects of their image, of their own class and of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

from longtail_det.annotations import find_sorted

from ..lvis import Detections, GroundTruth, ScoredDetections
from ..lvis.flags import packed_flag


@dataclass(frozen=True, eq=False)
class ObjectOverlaps:
    """The n detections that are right or wrong at IoU 0.5 in mode 'default', and the objects.

    Detections of a class that an image neither shows nor lists as absent, and unmatched ones of a class that is not
    annotated exhaustively there, are not among them: under the federated rules of LVIS they are no errors.

    Args:
        labels: (n,) int64 class indices.
        scores: (n,) float64.
        is_true: (n,) bool, matched with an object at IoU 0.5.
        matched: (n,) int64 row of that object; -1 for none.
        matched_iou: (n,) float64 IoU with it; 0 for none.
        own: (n,) int64 row of the object of the same class that overlaps most; -1 for none.
        own_iou: (n,) float64 IoU with it; 0 for none.
        other: (n,) int64 row of the object of another class that overlaps most; -1 for none.
        other_iou: (n,) float64 IoU with it; 0 for none.
        objects: (A',) int64 rows of the objects to find, on the images that were looked at.
        gt: what the rows point to.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    is_true: NDArray[np.bool_]
    matched: NDArray[np.int64]
    matched_iou: NDArray[np.float64]
    own: NDArray[np.int64]
    own_iou: NDArray[np.float64]
    other: NDArray[np.int64]
    other_iou: NDArray[np.float64]
    objects: NDArray[np.int64]
    gt: GroundTruth


def object_overlaps(scored: ScoredDetections) -> ObjectOverlaps:
    """Compute the overlaps of the detections that count, boxes or masks as they were scored.

    Args:
        scored: from `match_detections`; of metric 'boundary' the masks are compared.
    """
    gt, matches = scored.gt, scored.matches
    true, false = (packed_flag(flags, 0, 0) for flags in (matches.true_positives, matches.false_positives))
    rows = np.flatnonzero(matches.in_max_dets & (true | false))
    images, labels, matched = (
        column[rows].astype(np.int64) for column in (matches.images, matches.labels, matches.matched_gt)
    )
    matched[~true[rows]] = -1
    seen = find_sorted(gt.object_images, scored.image_rows)[1]
    objects = np.flatnonzero(seen & ~gt.ignore)
    nearest = np.full((2, len(rows)), -1, dtype=np.int64)
    best = np.zeros((2, len(rows)))
    matched_iou = np.zeros(len(rows))
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    bounds = np.searchsorted(gt.object_images[objects], [images[starts], images[starts] + 1])
    for first, stop, low, high in zip(starts, np.append(starts, len(rows))[1:], *bounds, strict=True):
        there = objects[low:high]
        if not len(there):
            continue
        iou = _overlaps(gt, scored.detections, scored.metric, scored.records[rows[first:stop]], there)
        same = labels[first:stop, None] == gt.labels[there]
        for kind, masked in enumerate((np.where(same, iou, 0), np.where(same, 0, iou))):
            choice = masked.argmax(axis=1)
            best[kind, first:stop] = masked[np.arange(len(choice)), choice]
            nearest[kind, first:stop] = np.where(best[kind, first:stop] > 0, there[choice], -1)
        is_matched = np.flatnonzero(matched[first:stop] >= 0)
        place = np.searchsorted(there, matched[first:stop][is_matched])
        matched_iou[first + is_matched] = iou[is_matched, place]
    return ObjectOverlaps(
        labels, matches.scores[rows].astype(np.float64), true[rows], matched, matched_iou,
        nearest[0], best[0], nearest[1], best[1], objects, gt,
    )  # fmt: skip


def _overlaps(
    gt: GroundTruth, detections: Detections, metric: str, records: NDArray[np.int64], objects: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(d, a) IoU of some detections with some objects."""
    found: Any
    truth: Any
    if metric == 'bbox':
        assert detections.boxes is not None
        found, truth = detections.boxes[records], gt.boxes[objects]
    else:
        assert detections.masks is not None
        found = [detections.masks[record] for record in records.tolist()]
        truth = [gt.rle(row) for row in objects.tolist()]
    overlaps: NDArray[np.float64] = mask_utils.iou(found, truth, [0] * len(objects))
    return overlaps
