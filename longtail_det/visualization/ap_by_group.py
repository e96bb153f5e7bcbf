"""AP by frequency group as grouped bars, one panel per metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from longtail_det.evaluation import is_defined, percent
from longtail_det.evaluation.diagnosis import result_interval

from .style import GROUP_COLORS, NEUTRAL, SERIES, TEXT, figure_style, new_figure

Results = Mapping[str, Mapping[str, float]]

GROUP_BARS = {'AP': 'all', 'APr': 'rare', 'APc': 'common', 'APf': 'frequent'}
_COLORS = (NEUTRAL, *GROUP_COLORS.values())
_TITLES = {'bbox': 'Box AP', 'segm': 'Mask AP', 'boundary': 'Boundary AP'}
_MODES = {'fixed': 'fixed', 'pool': 'pooled'}


def plot_ap_by_group(runs: Mapping[str, Results]) -> Figure:
    """Draw AP over all classes and over the rare, common and frequent ones, in percent.

    Args:
        runs: run name -> `{'bbox': {'AP': ..., 'APr': ..., 'APc': ..., 'APf': ...}, 'segm': ...}` in [0, 1]; an
            undefined value (missing, NaN, -1) is a '-' without bar. Where the ends of an interval are there (`APr_low`,
            `APr_high`), they are drawn as an error bar.

    Returns:
        One panel per metric. A single run is colored by group, several by run.

    Raises:
        ValueError: no run, or no metric in any run.
    """
    metrics = list(dict.fromkeys(metric for results in runs.values() for metric in results))
    if not metrics:
        raise ValueError('no AP to draw; expected {run: {metric: {AP, APr, APc, APf}}} with at least one metric')
    with figure_style():
        figure = new_figure(2.2 + max(2.9, 1.3 * len(runs)) * len(metrics), 3.1)
        panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            _panel(axes, {name: results.get(metric, {}) for name, results in runs.items()})
            axes.set_title(metric_title(metric))
        panels[0].set_ylabel('AP (%)')
        panels[0].set_ylim(0, max(5.0, 1.12 * max(axes.dataLim.y1 for axes in panels)))
        if len(runs) > 1:
            figure.legend(*panels[0].get_legend_handles_labels(), loc='outside lower center', ncols=min(len(runs), 3))
    return figure


def metric_title(metric: str) -> str:
    """Return the name of a metric for a reader.

    Args:
        metric: key of the results, 'bbox', 'segm_fixed' and the like.

    Example:
        >>> metric_title('bbox'), metric_title('segm_fixed')
        ('Box AP', 'Mask AP (fixed)')
    """
    name, _, mode = metric.partition('_')
    return _TITLES.get(name, name) + (f' ({_MODES.get(mode, mode)})' if mode else '')


def _panel(axes: Axes, values_of: Mapping[str, Mapping[str, float]]) -> None:
    width = 0.8 / len(values_of)
    for i, (name, values) in enumerate(values_of.items()):
        given = [values.get(key) for key in GROUP_BARS]
        heights = [100 * value if value is not None and is_defined(value) else 0.0 for value in given]
        colors = _COLORS if len(values_of) == 1 else [SERIES[i % len(SERIES)]] * len(GROUP_BARS)
        x = np.arange(len(GROUP_BARS)) + (i - (len(values_of) - 1) / 2) * width
        intervals = [result_interval(values, key) for key in GROUP_BARS]
        ends = [(0, 0) if i is None else (100 * (i.point - i.low), 100 * (i.high - i.point)) for i in intervals]
        errors: Any = {'yerr': np.maximum(ends, 0).T, 'ecolor': TEXT, 'capsize': 2} if any(intervals) else {}
        bars = axes.bar(x, heights, 0.92 * width, color=colors, label=name, **errors)
        axes.bar_label(
            bars, [percent(value) for value in given], padding=2, fontsize=9.5 if len(values_of) < 3 else 7.5
        )
    axes.set_xticks(range(len(GROUP_BARS)), list(GROUP_BARS.values()))
