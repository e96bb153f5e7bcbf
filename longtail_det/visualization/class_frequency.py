"""The long tail: training images per class, sorted."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from longtail_det.statistics import COMMON_MAX_IMAGES, RARE_MAX_IMAGES, ClassStatistics

from .class_marks import mark_classes
from .style import GROUP_COLORS, NEUTRAL, figure_style, group_name, new_figure

_FLOOR = 0.6  # where bars start on the log axis, so that a class with one image still shows


def plot_class_frequency(stats: ClassStatistics) -> Figure:
    """Draw the number of training images of every class, most frequent first, on a log axis.

    Args:
        stats: statistics of a training set; classes without an image are an empty place at the right end.

    Returns:
        Bars colored by frequency group, dashed lines at the borders of the groups.
    """
    order = np.argsort(-stats.image_count, kind='stable')
    count = stats.image_count[order]
    with figure_style():
        figure = new_figure(9, 3.4)
        axes = figure.subplots()
        axes.set_yscale('log')
        axes.yaxis.set_major_formatter('{x:,.0f}')
        _bars(axes, stats, order)
        for border in (RARE_MAX_IMAGES, COMMON_MAX_IMAGES):
            axes.axhline(border, color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=1)
            _name_line(axes, border)
        axes.set_xlim(0, max(stats.num_classes, 1))
        axes.set_ylim(_FLOOR, 1.6 * max(COMMON_MAX_IMAGES, count.max(initial=1)))
        axes.set_title(f'Training images per class ({stats.num_classes} classes, {stats.num_images} images)')
        axes.set_xlabel('class, most frequent first')
        axes.set_ylabel('images (log)')
        axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.2), ncols=3)
    return figure


def _name_line(axes: Axes, border: int) -> None:
    axes.annotate(
        f'{border} images',
        (1, border),
        xycoords=('axes fraction', 'data'),
        xytext=(-3, 3),
        textcoords='offset points',
        ha='right',
        fontsize=8,
        color=NEUTRAL,
    )


def _bars(axes: Axes, stats: ClassStatistics, order: NDArray[np.int64]) -> None:
    count = stats.image_count[order]
    edges = np.arange(len(count) + 1)
    start = 0
    for group, members in reversed(stats.groups.items()):
        end = start + len(members)
        label = f'{group_name(group)}: {len(members)} {"class" if len(members) == 1 else "classes"}'
        steps = axes.stairs(
            count[start:end], edges[start : end + 1], baseline=_FLOOR, fill=True, color=GROUP_COLORS[group], label=label
        )
        mark_classes(steps, order[start:end])
        start = end
