"""What resampling does to the long tail: class frequencies of an epoch before and after."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from longtail_det.statistics import ClassStatistics

from .style import GROUP_COLORS, NEUTRAL, figure_style, group_name, new_figure

_FLOOR = 0.6  # where bars start on the log axis, so that a count of one still shows
_SHADES = (1.0, 0.45, 0.18)


def plot_resampling(
    stats: ClassStatistics, images: ArrayLike, instances: ArrayLike, samples: ArrayLike | None = None
) -> Figure:
    """Draw how often each class is seen in an epoch, before and after resampling, on log axes.

    Args:
        stats: statistics of the training set, before resampling.
        images: (C,) images of an epoch that hold the class, after image-level resampling.
        instances: (C,) instances of the class in those images.
        samples: (C,) the same plus replayed features, after object-level resampling; None where there is none.

    Returns:
        Two panels, images and instances, each sorted by its frequency before resampling. Bars are colored by frequency
        group; solid before, paler after image-level, palest after object-level resampling.
    """
    after_images, after_instances = np.asarray(images), np.asarray(instances)
    levels = [stats.instance_count, after_instances, *([] if samples is None else [np.asarray(samples)])]
    with figure_style():
        figure = new_figure(9, 5.8)
        upper, lower = figure.subplots(2, 1)
        _panel(upper, stats, [stats.image_count, after_images])
        upper.set_title('Images of an epoch that show the class')
        upper.set_ylabel('images (log)')
        _panel(lower, stats, levels)
        lower.set_title('Instances of the class in an epoch')
        lower.set_ylabel('instances (log)' if samples is None else 'instances and replayed (log)')
        lower.set_xlabel('class, most frequent before resampling first')
        figure.legend(handles=_legend(stats, samples is not None), loc='outside lower center', ncols=6)
    return figure


def _panel(axes: Axes, stats: ClassStatistics, levels: list[NDArray[np.number]]) -> None:
    """Draw the last level first, as it is the highest."""
    order = np.argsort(-levels[0], kind='stable')
    edges = np.arange(len(order) + 1)
    for level, shade in reversed([*zip(levels, _SHADES, strict=False)]):
        for group, color in GROUP_COLORS.items():
            counts = np.where(stats.frequency == group, level, np.nan)[order]
            axes.stairs(np.maximum(counts, _FLOOR), edges, baseline=_FLOOR, fill=True, color=color, alpha=shade)
    axes.set_yscale('log')
    axes.yaxis.set_major_formatter('{x:,.0f}')
    axes.set_xlim(0, max(stats.num_classes, 1))
    axes.set_ylim(_FLOOR, 1.6 * max(10.0, *(level.max(initial=0) for level in levels)))


def _legend(stats: ClassStatistics, with_replay: bool) -> list[Patch]:
    names = ['before', 'after image-level', 'after object-level'][: 2 + with_replay]
    groups = [Patch(color=GROUP_COLORS[g], label=f'{group_name(g)}: {len(c)}') for g, c in stats.groups.items()]
    return groups + [Patch(color=NEUTRAL, alpha=a, label=name) for name, a in zip(names, _SHADES, strict=False)]
