"""What objects are confused with and what detections lie on, by frequency group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from longtail_det.evaluation.diagnosis import Confusion
from longtail_det.statistics import FREQUENCY_GROUPS

from .style import GROUP_COLORS, NEUTRAL, figure_style, new_figure

_RIGHT, _NOTHING = '#3C4043', '#DADCE0'
_PAIRS = 10


def plot_confusion(found: Confusion, names: Sequence[str]) -> Figure:
    """Draw how many objects are found, confused or missed, and how many detections are right or wrong.

    Args:
        found: the answers.
        names: class names, by class index.

    Returns:
        Upper panels: shares of the objects and of the detections of each group; lower panel, where there are any:
        the rare classes' most frequent confusions.
    """
    pairs = found.top_pairs('r', _PAIRS)
    with figure_style():
        figure = new_figure(9, 3.1 + (0.9 + 0.22 * len(pairs) if pairs else 0))
        mosaic: list[Any] = [['objects', 'detections'], *([['pairs', 'pairs']] if pairs else [])]
        ratios = (2.7, 0.7 + 0.22 * len(pairs))[: len(mosaic)]
        panels = figure.subplot_mosaic(mosaic, height_ratios=ratios)
        _shares(panels['objects'], found.objects_by_group(), 'objects')
        panels['objects'].set_title('Objects: found, confused with, missed')
        _shares(panels['detections'], found.detections_by_group(), 'detections')
        panels['detections'].set_title('Detections: right, or lying on')
        if pairs:
            _pair_bars(panels['pairs'], found, pairs, names)
        handles, labels = _legend()
        figure.legend(handles, labels, loc='outside upper center', ncols=5, fontsize=8.5)
    return figure


def _legend() -> tuple[list[Patch], list[str]]:
    named = {
        'found / right': _RIGHT,
        **{f'class that is {name}': GROUP_COLORS[group] for group, name in FREQUENCY_GROUPS.items()},
        'missed / background': _NOTHING,
    }
    return [Patch(color=color) for color in named.values()], list(named)


def _shares(axes: Axes, table: NDArray[np.int64], what: str) -> None:
    total = table.sum(axis=1, keepdims=True)
    shares = 100 * table / np.maximum(total, 1)
    left = np.zeros(len(table))
    colors = (_RIGHT, *GROUP_COLORS.values(), _NOTHING)
    for column, color in zip(shares.T, colors, strict=True):
        axes.barh(np.arange(len(table)), column, 0.62, left=left, color=color)
        for row, value in enumerate(column.tolist()):
            if value >= 7:
                shade = _RIGHT if color == _NOTHING else 'white'
                at = left[row] + value / 2
                axes.text(at, row, f'{value:.0f}', ha='center', va='center', fontsize=8.5, color=shade)
        left += column
    counts = [f'{name}\n{int(n):,} {what}' for name, n in zip(FREQUENCY_GROUPS.values(), total[:, 0], strict=True)]
    axes.set_yticks(range(len(table)), counts, fontsize=8.5)
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel='share (%)')
    axes.grid(False)


def _pair_bars(axes: Axes, found: Confusion, pairs: Sequence[tuple[int, int, int]], names: Sequence[str]) -> None:
    place = np.arange(len(pairs))
    bars = axes.barh(place, [n for _, _, n in pairs], 0.74, color=[GROUP_COLORS[found.groups[b]] for _, b, _ in pairs])
    axes.bar_label(bars, padding=3, fontsize=8, color=NEUTRAL)
    axes.set_yticks(place, [f'{names[a]} → {names[b]}' for a, b, _ in pairs], fontsize=8)
    axes.invert_yaxis()
    axes.set_title('Rare classes and what their objects are confused with most')
    axes.set_xlabel('objects')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(False)
    axes.margins(x=0.08)
