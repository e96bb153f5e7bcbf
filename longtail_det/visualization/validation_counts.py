"""Which classes a validation set can measure."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from longtail_det.statistics import ClassStatistics

from .class_marks import mark_classes
from .style import GROUP_COLORS, figure_style, group_name, new_figure


def plot_validation_counts(stats: ClassStatistics, objects: ArrayLike) -> Figure:
    """Draw the validation objects of every class over its training images.

    Args:
        stats: of the training set.
        objects: (C,) validation objects of the class.

    Returns:
        One point per class, colored by frequency group, on log axes that hold zero: the bottom line is what validation
        cannot measure, the left one what training never shows.
    """
    counts = np.asarray(objects)
    with figure_style():
        figure = new_figure(9, 3.6)
        axes = figure.subplots()
        for group, members in stats.groups.items():
            points = axes.scatter(
                stats.image_count[members],
                counts[members],
                16,
                color=GROUP_COLORS[group],
                alpha=0.6,
                linewidths=0,
                label=f'{group_name(group)}: {len(members)}',
                clip_on=False,
            )
            mark_classes(points, members)
        for axis, set_scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
            set_scale('symlog', linthresh=1)
            axis.set_major_formatter('{x:,.0f}')
        axes.set_xlim(0, 1.6 * max(stats.image_count.max(initial=1), 1))
        axes.set_ylim(0, 3 * max(counts.max(initial=1), 1))
        axes.set_title('Validation objects over training images, a point per class')
        axes.set_xlabel('training images (log)')
        axes.set_ylabel('validation objects (log)')
        axes.legend(loc='upper left')
    return figure
