"""Precision of detections over their score, by frequency group."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from longtail_det.evaluation.diagnosis import Reliability

from .style import GROUP_COLORS, NEUTRAL, figure_style, group_name, run_panels


def plot_reliability(runs: Mapping[str, Mapping[str, Reliability]]) -> Figure:
    """Draw the share of right detections over the score, one curve per frequency group.

    Args:
        runs: run name -> group -> `Reliability`.

    Returns:
        One panel per run, side by side. On the diagonal a score is the share of right detections; the area of a
        point grows with the number of detections in the bin.

    Raises:
        ValueError: no run.
    """
    with figure_style():
        figure, panels = run_panels(len(runs), (4.8, 5.2, 4.1))
        for axes, (run, by_group) in zip(panels.flat, runs.items(), strict=False):
            _panel(axes, by_group)
            axes.set_title(run if len(runs) > 1 else 'Score and precision')
            axes.set_xlabel('score (%)')
        for axes in panels[:, 0]:
            axes.set_ylabel('right detections (%)')
    return figure


def _panel(axes: Axes, by_group: Mapping[str, Reliability]) -> None:
    axes.plot([0, 100], [0, 100], color=NEUTRAL, linewidth=0.9, linestyle=(0, (4, 3)))
    for group, curve in by_group.items():
        if not len(curve.detections):
            continue
        total = int(curve.detections.sum())
        label = f'{group_name(group)}: error {100 * curve.error:.1f}, {total:,} detections'
        color = GROUP_COLORS[group]
        axes.plot(100 * curve.score, 100 * curve.precision, color=color, linewidth=1.6, label=label)
        sizes = 12 + 130 * curve.detections / curve.detections.max()
        axes.scatter(100 * curve.score, 100 * curve.precision, sizes, color=color, alpha=0.6, linewidths=0)
    axes.set(xlim=(-3, 103), ylim=(-3, 103))
    axes.grid(axis='x')
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.13), fontsize=8)
