"""Localization recall precision: one number for the errors of a detector at a score threshold (Oksuz et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .object_overlaps import ObjectOverlaps

_IOU_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class OptimalLRP:
    """LRP of each class at its best score threshold, and its parts; less is better, all in [0, 1].

    Args:
        lrp: (C,) float64 (sum of (1 - IoU) / 0.5 over true positives, and false positives and false negatives) by the
            number of all three; 1 where no detection is right, NaN where there is nothing to find.
        localization: (C,) mean of 1 - IoU over true positives; NaN without any.
        false_positive: (C,) 1 - precision; NaN without any detection.
        false_negative: (C,) 1 - recall.
        threshold: (C,) score from which detections are kept; NaN where keeping none is best.
        groups: (C,) 'r', 'c', 'f'; None where nothing is known of the training set.
    """

    lrp: NDArray[np.float64]
    localization: NDArray[np.float64]
    false_positive: NDArray[np.float64]
    false_negative: NDArray[np.float64]
    threshold: NDArray[np.float64]
    groups: NDArray[np.str_] | None

    def means(self, group: str | None = None) -> dict[str, float]:
        """Return the mean of each column over the classes that define it; NaN without any.

        Args:
            group: 'r', 'c' or 'f'; all classes where None.
        """
        inside = np.full(len(self.lrp), group is None) if group is None or self.groups is None else self.groups == group
        columns = {field.name: getattr(self, field.name)[inside] for field in fields(self) if field.name != 'groups'}
        defined = {key: column[np.isfinite(column)] for key, column in columns.items()}
        return {key: float(column.mean()) if len(column) else np.nan for key, column in defined.items()}


def optimal_lrp(overlaps: ObjectOverlaps) -> OptimalLRP:
    """Compute the least LRP over score thresholds, class by class (Oksuz et al., TPAMI 2021, arXiv:2011.10772).

    Matched at IoU 0.5. Thresholds are the scores of the detections themselves; of equally good ones the highest counts.

    Args:
        overlaps: of the detections that count.
    """
    gt = overlaps.gt
    num_objects = np.bincount(gt.labels[overlaps.objects], minlength=gt.num_classes)
    order = np.lexsort((-overlaps.scores, overlaps.labels))
    bounds = np.searchsorted(overlaps.labels[order], np.arange(gt.num_classes + 1))
    table = np.full((5, gt.num_classes), np.nan)
    for label in np.flatnonzero(num_objects):
        rows = order[bounds[label] : bounds[label + 1]]
        table[:, label] = _best_threshold(
            overlaps.scores[rows], overlaps.is_true[rows], overlaps.matched_iou[rows], int(num_objects[label])
        )
    lrp, localization, false_positive, false_negative, threshold = table
    return OptimalLRP(lrp, localization, false_positive, false_negative, threshold, gt.groups)


def _best_threshold(
    scores: NDArray[np.float64], is_true: NDArray[np.bool_], iou: NDArray[np.float64], num_objects: int
) -> tuple[float, float, float, float, float]:
    """LRP and its parts of one class, detections best first, at the threshold where it is least."""
    # equal scores are kept together
    ends = np.flatnonzero(np.diff(scores, append=-np.inf))
    true = np.cumsum(is_true)[ends]
    false = ends + 1 - true
    distance = np.cumsum(np.where(is_true, 1 - iou, 0))[ends]
    lrp = (distance / (1 - _IOU_THRESHOLD) + false + num_objects - true) / (false + num_objects)
    if not len(lrp) or lrp.min() >= 1:
        return 1.0, np.nan, np.nan, 1.0, np.nan
    best = int(lrp.argmin())
    return (
        float(lrp[best]),
        float(distance[best] / true[best]),
        float(false[best] / (ends[best] + 1)),
        float(1 - true[best] / num_objects),
        float(scores[ends[best]]),
    )
