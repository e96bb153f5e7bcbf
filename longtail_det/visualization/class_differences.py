"""How the AP of each class differs between two runs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from longtail_det.evaluation.diagnosis import ClassTable

from .ap_by_group import metric_title
from .class_marks import mark_classes
from .style import GROUP_COLORS, NEUTRAL, UNSETTLED, figure_style, group_name, new_figure, short_name

_NAMED = 8


def plot_class_differences(
    table: ClassTable, run: str, base: str, metric: str, unsettled: NDArray[np.bool_] | None = None
) -> Figure:
    """Draw the AP of `run` minus that of `base`, for all classes and by name for those that change most.

    Args:
        table: the classes; those without an AP are not drawn.
        run: the run to look at.
        base: the run it is compared with.
        metric: 'bbox', 'segm' or 'boundary'.
        unsettled: (C,) bool, classes whose difference may be chance; none where None.

    Returns:
        Left panel: every class, sorted; right panel: the largest gains and losses. Bars are colored by group, those of
        `unsettled` classes are grey.

    Raises:
        ValueError: no class has an AP in both runs.
    """
    difference = 100 * table.difference(run, base, metric)
    colors = np.array([GROUP_COLORS[group] for group in table.groups])
    if unsettled is not None:
        colors[unsettled] = UNSETTLED
    rows = np.flatnonzero(np.isfinite(difference))
    if not len(rows):
        raise ValueError(f'no class has a {metric} AP in both {run} and {base}')
    rows = rows[np.argsort(-difference[rows], kind='stable')]
    changed = rows[difference[rows] != 0]
    if len(changed) > 2 * _NAMED:
        changed = np.concatenate([changed[:_NAMED], changed[-_NAMED:]])
    with figure_style():
        figure = new_figure(9, max(3.2, 0.8 + 0.24 * len(changed)))
        everyone, extremes = figure.subplots(1, 2, width_ratios=(3, 2))
        _sorted_bars(everyone, table, difference, rows, colors)
        everyone.set_title(f'{metric_title(metric)}: {run} minus {base}')
        everyone.set_ylabel('points')
        _named_bars(extremes, table, difference, changed, colors)
        extremes.set_title('Largest changes')
    return figure


def _sorted_bars(
    axes: Axes, table: ClassTable, difference: NDArray[np.float64], rows: NDArray[np.int64], colors: NDArray[np.str_]
) -> None:
    place, handles = np.arange(len(rows)), []
    for group, color in GROUP_COLORS.items():
        inside = table.groups[rows] == group
        if not inside.any():
            continue
        better, worse = (difference[rows[inside]] > 0).sum(), (difference[rows[inside]] < 0).sum()
        mean = difference[rows[inside]].mean()
        label = f'{group_name(group)}: mean {mean:+.1f}, {better} better, {worse} worse'
        width = 1.0 if len(rows) > 60 else 0.85
        bars = axes.bar(place[inside], difference[rows[inside]], width, color=colors[rows[inside]])
        _mark_bars(bars, rows[inside])
        handles.append(Patch(color=color, label=label))
    axes.axhline(0, color=NEUTRAL, linewidth=0.8)
    axes.set_xlabel(f'{len(rows)} classes, largest gain first')
    axes.set_xticks([])
    axes.legend(handles=handles, fontsize=8.5, loc='upper right')


def _named_bars(
    axes: Axes, table: ClassTable, difference: NDArray[np.float64], rows: NDArray[np.int64], colors: NDArray[np.str_]
) -> None:
    place = np.arange(len(rows))
    bars = axes.barh(place, difference[rows], 0.8, color=colors[rows])
    _mark_bars(bars, rows)
    axes.bar_label(bars, [f'{value:+.1f}' for value in difference[rows]], padding=2, fontsize=7.5)
    axes.set_yticks(place, [short_name(table.names[row], 24) for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color=NEUTRAL, linewidth=0.8)
    axes.grid(False)
    axes.margins(x=0.2)
    axes.set_xlabel('points')


def _mark_bars(bars: BarContainer, rows: NDArray[np.int64]) -> None:
    for bar, row in zip(bars, rows.tolist(), strict=True):
        mark_classes(bar, [row])
