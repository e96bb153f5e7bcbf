"""What a threshold of resampling comes to: length and balance of an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from .style import SERIES, figure_style, new_figure


@dataclass(frozen=True)
class ThresholdCurve:
    """A rule of resampling at some thresholds.

    Args:
        thresholds: (n,) ascending; those of 0 are left out.
        values: title of a panel -> (n,) values.
        chosen: the threshold that gets a mark; None for no mark.
    """

    thresholds: Sequence[float]
    values: Mapping[str, Sequence[float]]
    chosen: float | None


def plot_thresholds(curves: Mapping[str, ThresholdCurve]) -> Figure:
    """Draw what thresholds come to, a panel for each value.

    Args:
        curves: name of the rule -> curve; all of the same panels.

    Returns:
        Panels side by side, the threshold on a log axis; the chosen one is a large point.

    Raises:
        ValueError: no curve.
    """
    if not curves:
        raise ValueError('no curve to draw; expected the thresholds of one rule or more')
    titles = list(next(iter(curves.values())).values)
    with figure_style():
        figure = new_figure(9, 3.2)
        panels = figure.subplots(1, len(titles), squeeze=False)[0]
        for axes, title in zip(panels, titles, strict=True):
            for color, (name, curve) in zip(SERIES, curves.items(), strict=False):
                x, y = np.asarray(curve.thresholds), np.asarray(curve.values[title], dtype=np.float64)
                axes.plot(x[x > 0], y[x > 0], color=color, marker='o', markersize=3, linewidth=1.4, label=name)
                is_chosen = x == curve.chosen
                axes.plot(x[is_chosen], y[is_chosen], color=color, marker='o', markersize=9, alpha=0.6, linestyle='')
            axes.set_xscale('log')
            axes.xaxis.set_major_formatter('{x:g}')
            axes.minorticks_off()
            axes.set_xlabel('oversample_thr (log)')
            axes.set_title(title)
        panels[0].legend(loc='upper left')
    return figure
