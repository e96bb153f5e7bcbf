"""Calibration: precision of detections as a function of their score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Reliability(NamedTuple):
    """Precision by score; bins without a detection are left out.

    Args:
        score: (b,) mean score of the bin, in [0, 1].
        precision: (b,) share of right detections in the bin, in [0, 1].
        detections: (b,) how many are in the bin.
        error: expected calibration error, the mean distance of score and precision over detections; NaN without any.
    """

    score: NDArray[np.float64]
    precision: NDArray[np.float64]
    detections: NDArray[np.int64]
    error: float


def reliability(scores: NDArray[np.floating], true_positives: NDArray[np.bool_], num_bins: int = 10) -> Reliability:
    """Compare scores with precision (Guo et al., ICML 2017, arXiv:1706.04599).

    Args:
        scores: (n,) in [0, 1].
        true_positives: (n,) bool, which detections are right.
        num_bins: bins of equal width over [0, 1].

    Example:
        >>> reliability(np.array([0.9, 0.9, 0.2]), np.array([True, False, False])).precision.tolist()
        [0.0, 0.5]
    """
    bins = np.clip((np.asarray(scores) * num_bins).astype(np.int64), 0, num_bins - 1)
    count = np.bincount(bins, minlength=num_bins)
    kept = count > 0
    total = np.maximum(count, 1)
    score = np.bincount(bins, weights=scores, minlength=num_bins) / total
    precision = np.bincount(bins, weights=true_positives, minlength=num_bins) / total
    error = float(np.abs(score - precision) @ count / len(bins)) if len(bins) else float('nan')
    return Reliability(score[kept], precision[kept], count[kept], error)
