"""Matched detections of a dataset -> AP, AR, and AP by object size, frequency group and class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import FREQUENCY_GROUPS

from .accumulation import Curves, count_objects, curves_by_area
from .ground_truth import GroundTruth
from .match_table import MatchTable
from .parameters import AREA_RANGES, IOU_THRESHOLDS, MAX_DETS


def summarize(
    gt: GroundTruth,
    image_rows: NDArray[np.int64],
    matches: MatchTable,
    kept: NDArray[np.bool_],
    mode: str = 'default',
    classwise: bool = False,
) -> dict[str, float]:
    """Average precision and recall of one mode.

    Args:
        gt: the objects.
        image_rows: images that were looked at.
        matches: detections, ascending by image.
        kept: (m,) bool, those that count in this mode.
        mode: 'default' or 'fixed' average over classes; 'pool' ranks the detections of all classes together.
        classwise: also give the AP of every class; 'pool' has none.

    Returns:
        `AP`, `AP50`, `AP75`, `APs`, `APm`, `APl`, `APr`, `APc`, `APf`, `AR`, `ARs`, `ARm`, `ARl` in [0, 1], -1 where
        there is nothing to find; in mode 'default' the recalls are called `AR@300` and so on. No `APr`, `APc`, `APf`
        where nothing is known of the training set. With `classwise`, `AP/<name>` too.
    """
    num_objects = count_objects(gt, image_rows)
    is_pool = mode == 'pool'
    results: dict[str, float] = {}
    recalls: dict[str, float] = {}
    suffix = f'@{MAX_DETS}' if mode == 'default' else ''
    by_class: dict[str, float] = {}
    by_area = curves_by_area(matches, num_objects, kept, is_pool)
    for name in AREA_RANGES:
        curves = next(by_area)
        size = '' if name == 'all' else name[0]
        results[f'AP{size}'] = mean_defined(curves.precision)
        recalls[f'AR{size}{suffix}'] = mean_defined(curves.recall)
        if name == 'all':
            for threshold in (0.5, 0.75):
                at = np.flatnonzero(threshold == IOU_THRESHOLDS)
                results[f'AP{threshold * 100:.0f}'] = mean_defined(curves.precision[at])
            groups = _pooled_groups(gt, matches, kept, num_objects) if is_pool else _group_means(gt, curves)
            if classwise and not is_pool:
                by_class = _class_means(gt.names, curves)
        del curves  # or it would stay while the next one is made
    return {**results, **groups, **recalls, **by_class}


def mean_defined(values: NDArray[np.float64]) -> float:
    """Mean over what is not -1; -1 if nothing is.

    Args:
        values: float64 of any shape.

    Example:
        >>> mean_defined(np.array([[0.5, -1.0], [1.0, -1.0]])), mean_defined(np.array([-1.0]))
        (0.75, -1.0)
    """
    defined = values[values > -1]
    return float(np.mean(defined)) if len(defined) else -1.0


def _group_means(gt: GroundTruth, curves: Curves) -> dict[str, float]:
    if gt.groups is None:
        return {}
    # rows of classes, not a mask: the order of summation decides the last bit
    return {
        f'AP{group}': mean_defined(curves.precision[:, :, np.flatnonzero(gt.groups == group)])
        for group in FREQUENCY_GROUPS
    }


def _pooled_groups(
    gt: GroundTruth, matches: MatchTable, kept: NDArray[np.bool_], num_objects: NDArray[np.int64]
) -> dict[str, float]:
    """Rank the classes of a group together, without the others."""
    if gt.groups is None:
        return {}
    results = {}
    for group in FREQUENCY_GROUPS:
        of_group = gt.groups == group
        inside = kept & of_group[matches.labels]
        curves = next(curves_by_area(matches, num_objects * of_group[:, None], inside, pool=True))
        results[f'AP{group}'] = mean_defined(curves.precision)
    return results


def _class_means(names: Sequence[str], curves: Curves) -> dict[str, float]:
    return {f'AP/{name}': mean_defined(curves.precision[:, :, c]) for c, name in enumerate(names)}
