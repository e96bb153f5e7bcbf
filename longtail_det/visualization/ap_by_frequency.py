"""AP of every class over its number of training images."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.statistics import COMMON_MAX_IMAGES, FREQUENCY_GROUPS, RARE_MAX_IMAGES

from .ap_by_group import metric_title
from .class_marks import mark_classes
from .style import GROUP_COLORS, NEUTRAL, figure_style, run_panels

_FLOOR = 0.7  # where a class without any training image stands on the log axis


def plot_ap_by_frequency(table: ClassTable, metric: str) -> Figure:
    """Draw one point per class, training images on a log axis, and the median of each frequency group.

    Args:
        table: the classes; those without an AP are not drawn.
        metric: 'bbox', 'segm' or 'boundary'.

    Returns:
        One panel per run, side by side; a bar marks the median AP of a group, from its first to its last class.

    Raises:
        ValueError: a table without a run.
    """
    with figure_style():
        figure, panels = run_panels(len(table.ap), (3.8, 3.8, 3.8), sharex=True)
        for axes, run in zip(panels.flat, table.ap, strict=False):
            _panel(axes, table, run, metric)
            axes.set_title(run if len(table.ap) > 1 else f'{metric_title(metric)} of each class')
            axes.set_xlabel('training images (log)')
        top = max(100 * np.nanmax(ap[metric], initial=0.1) for ap in table.ap.values())
        panels[0, 0].set_ylim(-0.03 * top, 1.12 * top)
        for axes in panels[:, 0]:
            axes.set_ylabel(f'{metric_title(metric)} (%)')
        figure.legend(handles=_legend(table), loc='outside lower center', ncols=4)
    return figure


def _panel(axes: Axes, table: ClassTable, run: str, metric: str) -> None:
    ap, medians = 100 * table.ap[run][metric], table.group_medians(run, metric)
    images = np.maximum(table.train_images, _FLOOR)
    size = 26 if len(ap) < 200 else 9
    for group, color in GROUP_COLORS.items():
        rows = np.flatnonzero((table.groups == group) & np.isfinite(ap))
        points = axes.scatter(images[rows], ap[rows], size, color=color, alpha=0.55, linewidths=0)
        mark_classes(points, rows)
        if group in medians:
            low, high = images[rows].min(), images[rows].max()
            low, high = (low / 1.12, high * 1.12) if low == high else (low, high)  # a lone class still has a bar
            median = 100 * medians[group][1]
            axes.plot([low, high], [median, median], color=color, linewidth=2.4, solid_capstyle='butt')
            axes.annotate(
                f'{median:.1f}',
                (math.sqrt(low * high), median),
                xytext=(0, 3),
                textcoords='offset points',
                ha='center',
                va='bottom',
                fontsize=8.5,
                color=color,
                fontweight='bold',
                bbox={'facecolor': 'white', 'edgecolor': 'none', 'pad': 0.4, 'alpha': 0.75},
            )
    axes.set_xscale('log')
    axes.xaxis.set_major_formatter('{x:,.0f}')
    for border in (RARE_MAX_IMAGES, COMMON_MAX_IMAGES):
        axes.axvline(border + 0.5, color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=0.9)
    axes.set_xlim(right=1.6 * max(COMMON_MAX_IMAGES, images.max(initial=1)))
    axes.tick_params(labelbottom=True)  # also where no panel is below


def _legend(table: ClassTable) -> list[Line2D]:
    handles = [
        Line2D([], [], color=GROUP_COLORS[g], marker='o', linestyle='', label=f'{name}: {number} classes')
        for g, name in FREQUENCY_GROUPS.items()
        for number in [np.sum(table.groups == g)]
    ]
    return [*handles, Line2D([], [], color=NEUTRAL, linewidth=2.4, label='median of the group')]
