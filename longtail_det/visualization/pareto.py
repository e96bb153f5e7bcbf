"""What a run pays in frequent classes for what it gains in rare ones."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from longtail_det.evaluation import is_defined
from longtail_det.evaluation.diagnosis import pareto_front
from longtail_det.statistics import FREQUENCY_GROUPS

from .ap_by_group import Results, metric_title
from .style import NEUTRAL, SERIES, figure_style, new_figure


def plot_pareto(runs: Mapping[str, Results], metric: str) -> Figure:
    """Draw each run as a point, AP of frequent classes against that of rare and of common ones (Hsieh et al., 2021).

    The figure of DropLoss, AAAI 2021, arXiv:2104.06402.

    Args:
        runs: run name -> `{metric: {'APr': ..., 'APc': ..., 'APf': ...}}` in [0, 1].
        metric: which of the metrics.

    Returns:
        Two panels, rare and common; the line joins the runs that no other one beats on both axes.

    Raises:
        ValueError: no run has AP by frequency group.
    """
    values = {name: results.get(metric, {}) for name, results in runs.items()}
    shown = {name: ap for name, ap in values.items() if is_defined(ap.get('APf'))}
    if not shown:
        raise ValueError(f'no run has {metric} AP of frequent classes; expected the keys APr, APc, APf')
    with figure_style():
        figure = new_figure(9, 4.1)
        for axes, key in zip(figure.subplots(1, 2), ('APr', 'APc'), strict=True):
            _panel(axes, {name: ap for name, ap in shown.items() if is_defined(ap.get(key))}, key)
            axes.set_title(f'{FREQUENCY_GROUPS[key[-1]].capitalize()} against frequent')
            axes.set_ylabel(f'{metric_title(metric)}, {FREQUENCY_GROUPS[key[-1]]} classes (%)')
            axes.set_xlabel(f'{metric_title(metric)}, frequent classes (%)')
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc='outside lower center', ncols=min(len(shown), 3))
    return figure


def _panel(axes: Axes, runs: Mapping[str, Mapping[str, float]], key: str) -> None:
    points = [(100 * ap['APf'], 100 * ap[key]) for ap in runs.values()]
    front = [points[i] for i in pareto_front(points)]
    axes.plot(*zip(*front, strict=True), color=NEUTRAL, linewidth=1, linestyle=(0, (4, 3)), zorder=1) if front else None
    for i, (name, (x, y)) in enumerate(zip(runs, points, strict=True)):
        axes.scatter([x], [y], 70, color=SERIES[i % len(SERIES)], marker='os^Dv'[i // len(SERIES) % 5], label=name)
        axes.annotate(f'{y:.1f}', (x, y), xytext=(6, 5), textcoords='offset points', fontsize=8, color=NEUTRAL)
    axes.grid(axis='x')
    axes.margins(0.18)
