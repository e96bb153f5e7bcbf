"""What each kind of error costs, by frequency group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from longtail_det.evaluation.diagnosis import ERROR_TYPES, ErrorTypes

from .style import GROUP_COLORS, figure_style, group_name, run_panels

#: least loss whose number is written, where others would cover each other
_NAMED = 0.005


def plot_error_types(runs: Mapping[str, ErrorTypes]) -> Figure:
    """Draw the AP50 that each kind of error costs, one bar per frequency group (Bolya et al., ECCV 2020).

    Args:
        runs: run name -> its errors, of classes whose groups are known; what is undefined has no bar.

    Returns:
        One panel per run; a bar is the gain in points if all errors of the kind were fixed.

    Raises:
        ValueError: no run.
    """
    with figure_style():
        figure, panels = run_panels(len(runs), (3.6, 3.8, 3.6))
        for axes, (run, errors) in zip(panels.flat, runs.items(), strict=False):
            _panel(axes, errors)
            axes.set_title(run if len(runs) > 1 else 'AP50 lost by kind of error')
        for axes in panels[:, 0]:
            axes.set_ylabel('AP50 lost (points)')
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc='outside lower center', ncols=3)
    return figure


def _panel(axes: Axes, errors: ErrorTypes) -> None:
    width = 0.8 / len(GROUP_COLORS)
    for i, (group, color) in enumerate(GROUP_COLORS.items()):
        lost = list(errors.lost(group).values())
        x = np.arange(len(ERROR_TYPES)) + (i - 1) * width
        bars = axes.bar(x, 100 * np.nan_to_num(lost), 0.92 * width, color=color, label=group_name(group))
        axes.bar_label(bars, [f'{100 * value:.1f}' if value >= _NAMED else '' for value in lost], fontsize=6.5)
    axes.set_xticks(range(len(ERROR_TYPES)), list(ERROR_TYPES), rotation=20, ha='right')
