"""The figures of a study: differences with their intervals, what rare classes cost, what a step costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from longtail_det.evaluation.diagnosis import pareto_front
from longtail_det.statistics import Interval

from .ap_by_group import GROUP_BARS
from .style import GROUP_COLORS, NEUTRAL, SERIES, TEXT, UNSETTLED, figure_style, new_figure


class Point(NamedTuple):
    """A method in a plane of two AP or of AP and cost.

    Args:
        x: to the right.
        y: upward.
        x_spread: standard deviation over the seeds, 0 where unknown.
        y_spread: likewise.
    """

    x: float
    y: float
    x_spread: float = 0.0
    y_spread: float = 0.0


def plot_forest(rows: Mapping[str, Mapping[str, Interval]], title: str) -> Figure:
    """Draw the difference of each method to a baseline with its interval, gray where it holds zero.

    Args:
        rows: name -> 'AP', 'APr', 'APc', 'APf' -> difference in [-1, 1]; drawn from top to bottom.
        title: of the figure.

    Returns:
        One panel for all classes and one for each group, side by side.

    Raises:
        ValueError: no row.
    """
    if not rows:
        raise ValueError('no difference to draw; expected one method beside the baseline or more')
    with figure_style():
        figure = new_figure(10.5, 1.3 + 0.21 * len(rows))
        panels = figure.subplots(1, len(GROUP_BARS), sharey=True)
        for axes, (key, name) in zip(panels, GROUP_BARS.items(), strict=True):
            _forest(axes, [row.get(key) for row in rows.values()], GROUP_COLORS.get(key[2:], TEXT))
            axes.set_title(name)
        panels[0].set_yticks(range(len(rows)), list(rows))
        panels[0].set_ylim(len(rows) - 0.4, -0.6)
        figure.supxlabel(title, fontsize=9.5)
    return figure


def _forest(axes: Axes, intervals: Sequence[Interval | None], own: str) -> None:
    axes.axvline(0, color=NEUTRAL, linewidth=1)
    for place, interval in enumerate(intervals):
        if interval is None:
            continue
        color = UNSETTLED if interval.holds_zero else own
        ends = [100 * interval.low, 100 * interval.high]
        axes.plot(ends, [place, place], color=color, linewidth=2.2, solid_capstyle='butt')
        axes.scatter([100 * interval.point], [place], 16, color=color, zorder=3)
    axes.grid(axis='x')


def plot_tradeoff(
    panels: Mapping[tuple[str, str], Mapping[str, Point]], baseline: str, *, least_x: bool = False
) -> Figure:
    """Draw methods as numbered points, one panel for each pair of axes; the names stand below.

    Args:
        panels: (label of x, label of y) -> name -> point; a name has the same number in every panel.
        baseline: name of the method through which the gray lines go.
        least_x: whether less is better on the x axis, as of a cost.

    Returns:
        The panels side by side; the dashed line joins the methods that no other one beats on both axes.

    Raises:
        ValueError: no point.
    """
    names = list(dict.fromkeys(name for points in panels.values() for name in points))
    if not names:
        raise ValueError('no method to draw; expected one with AP on both axes or more')
    columns = 4
    with figure_style():
        figure = new_figure(10.5, 4.6 + 0.17 * -(-len(names) // columns))
        for axes, ((x_label, y_label), points) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            _points(axes, points, names, baseline, least_x)
            axes.set_xlabel(x_label)
            axes.set_ylabel(y_label)
        handles = [Line2D([], [], color=_color(i), marker='o', linestyle='', markersize=4) for i in range(len(names))]
        labels = [f'{i}  {name}' for i, name in enumerate(names, start=1)]
        figure.legend(handles, labels, loc='outside lower center', ncols=columns, fontsize=7.5, handletextpad=0.1)
    return figure


def _color(index: int) -> str:
    return SERIES[index % len(SERIES)]


def _points(axes: Axes, points: Mapping[str, Point], names: Sequence[str], baseline: str, least_x: bool) -> None:
    if baseline in points:
        axes.axvline(points[baseline].x, color=UNSETTLED, linewidth=1, zorder=0)
        axes.axhline(points[baseline].y, color=UNSETTLED, linewidth=1, zorder=0)
    listed = list(points.values())
    front = pareto_front([(-p.x if least_x else p.x, p.y) for p in listed])
    line = [(listed[i].x, listed[i].y) for i in front]
    axes.plot(*zip(*line, strict=True), color=NEUTRAL, linewidth=1, linestyle=(0, (4, 3)), zorder=1) if line else None
    for name, point in points.items():
        index = names.index(name)
        spread = [v if np.isfinite(v) else 0.0 for v in (point.x_spread, point.y_spread)]
        axes.errorbar(
            [point.x], [point.y], xerr=spread[0], yerr=spread[1], color=_color(index), alpha=0.3, linewidth=1, zorder=2
        )
        axes.scatter([point.x], [point.y], 95, color='white', edgecolors=_color(index), linewidths=1.1, zorder=3)
        axes.annotate(
            str(index + 1), (point.x, point.y), ha='center', va='center_baseline', fontsize=6.5,
            color=_color(index), fontweight='bold', zorder=4,
        )  # fmt: skip
    axes.grid(axis='x')
    axes.margins(0.08)


def plot_over_steps(curves: Mapping[str, Mapping[int, Mapping[str, float]]], title: str) -> Figure:
    """Draw AP of some methods over the steps of their training.

    Args:
        curves: name -> steps -> 'AP', 'APr', 'APc', 'APf' -> AP in percent.
        title: of the y axis.

    Returns:
        One panel for all classes and one for each group.

    Raises:
        ValueError: no curve.
    """
    if not curves:
        raise ValueError('no curve to draw; expected a method with two lengths of training or more')
    with figure_style():
        figure = new_figure(10.5, 3.3)
        panels = figure.subplots(1, len(GROUP_BARS))
        for axes, (key, panel) in zip(panels, GROUP_BARS.items(), strict=True):
            for i, (name, points) in enumerate(curves.items()):
                known = [(steps, values[key]) for steps, values in sorted(points.items()) if key in values]
                axes.plot(
                    *zip(*known, strict=True), color=_color(i), marker='o', markersize=4, label=name
                ) if known else None
            ticks = sorted({steps for points in curves.values() for steps in points})
            axes.set_xscale('log')
            axes.set_xticks(ticks, [str(steps) for steps in ticks], minor=False)
            axes.minorticks_off()
            axes.set_title(panel)
        panels[0].set_ylabel(title)
        figure.supxlabel('training steps', fontsize=9.5)
        figure.legend(*panels[0].get_legend_handles_labels(), loc='outside upper right', ncols=len(curves))
    return figure
