"""The arguments of mmdet's `LVISMetric` that `FastLVISMetric` takes, and what to use in place of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from longtail_det.checks import whole
from longtail_det.evaluation import AP_COLUMNS
from longtail_det.evaluation.lvis.evaluation import check_choice
from longtail_det.evaluation.lvis.parameters import IOU_THRESHOLDS, MAX_DETS

_SIZES = ('', 's', 'm', 'l')


def read_metric_items(metric_items: str | Sequence[str] | None, modes: Sequence[str]) -> frozenset[str] | None:
    """Read which results are logged.

    Args:
        metric_items: names without `bbox_`, such as 'AP' or 'AR@300'; None for all.
        modes: of 'default', 'fixed' and 'pool'.

    Raises:
        ValueError: a name that none of the modes has.
    """
    if metric_items is None:
        return None
    items = [metric_items] if isinstance(metric_items, str) else list(metric_items)
    recalls = [f'AR{size}@{MAX_DETS}' for size in _SIZES] * ('default' in modes)
    recalls += [f'AR{size}' for size in _SIZES] * (set(modes) != {'default'})
    check_choice('metric_items', items, [*AP_COLUMNS, *recalls])
    return frozenset(items)


def check_intervals(intervals: int | None, modes: Sequence[str]) -> None:
    """Raise where intervals are asked for that the metric cannot give.

    Args:
        intervals: number of resamples; None for no intervals.
        modes: of 'default', 'fixed' and 'pool'.

    Raises:
        ValueError: fewer than two resamples, or no mode 'default'.
    """
    if intervals is None:
        return
    whole('intervals', intervals, 2)
    if 'default' not in modes:
        raise ValueError(f"intervals={intervals} belong to mode 'default', but mode is {list(modes)}; add it")


def refuse_other_thresholds(iou_thrs: float | Sequence[float] | None) -> None:
    """Raise where other IoU thresholds are asked for than those of LVIS.

    Args:
        iou_thrs: as mmdet has it; None for 0.5, 0.55, ..., 0.95.

    Raises:
        ValueError: other thresholds.
    """
    if iou_thrs is None:
        return
    given = np.atleast_1d(np.asarray(iou_thrs, dtype=np.float64))
    if given.shape != IOU_THRESHOLDS.shape or not np.allclose(given, IOU_THRESHOLDS):
        raise ValueError(
            f'iou_thrs={given.tolist()}, but FastLVISMetric scores at 0.5, 0.55, ..., 0.95; remove '
            "val_evaluator.iou_thrs and read AP50 and AP75, which metric_items=['AP50', 'AP75'] logs alone"
        )


def refuse_proposals(metrics: Sequence[str], proposal_nums: Sequence[int] | None) -> None:
    """Raise where the recall of proposals is asked for.

    Args:
        metrics: as given in the config.
        proposal_nums: as mmdet has it; None where not given.

    Raises:
        ValueError: metric 'proposal' or 'proposal_fast', or any `proposal_nums`.
    """
    wanted = [metric for metric in metrics if metric in ('proposal', 'proposal_fast')]
    if wanted or proposal_nums is not None:
        found = f'metric {wanted[0]!r}' if wanted else f'proposal_nums={list(proposal_nums or ())}'
        metric = wanted[0] if wanted else 'proposal_fast'
        raise ValueError(
            f'{found} asks for the recall of proposals, and FastLVISMetric scores detections; remove it from '
            f"val_evaluator, or use mmdet's metric for it, dict(type='LVISMetric', metric={metric!r})"
        )
