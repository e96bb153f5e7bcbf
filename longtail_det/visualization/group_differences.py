"""What runs gain over one of them, by frequency group, with intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from longtail_det.statistics import Interval

from .ap_by_group import GROUP_BARS, metric_title
from .style import NEUTRAL, SERIES, UNSETTLED, figure_style, new_figure


def plot_group_differences(differences: Mapping[str, Mapping[str, Interval]], base: str, metric: str) -> Figure:
    """Draw the difference of each run to `base` in AP, APr, APc and APf; grey where its interval holds zero.

    Args:
        differences: run name -> key -> difference in [-1, 1] with its interval; an undefined one is not drawn.
        base: name of the run that is subtracted.
        metric: 'bbox', 'segm' or 'boundary'.

    Raises:
        ValueError: no run.
    """
    if not differences:
        raise ValueError('no difference to draw; expected those of one run or more')
    with figure_style():
        figure = new_figure(7, 3.4)
        axes = figure.subplots()
        axes.axhline(0, color=NEUTRAL, linewidth=0.8)
        for i, (run, of_run) in enumerate(differences.items()):
            own = SERIES[i % len(SERIES)]
            axes.errorbar([], [], [], color=own, fmt='os^Dv'[i % 5], capsize=3, label=run)
            for place, key in enumerate(GROUP_BARS):
                interval = of_run.get(key)
                if interval is None or not np.isfinite(interval).all():
                    continue
                x = place + 0.8 * ((i + 0.5) / len(differences) - 0.5)
                point, low, high = (100 * value for value in interval)
                color = UNSETTLED if interval.holds_zero else own
                # the ends may lie on one side of a point that was shifted to the border
                ends = [[max(point - low, 0)], [max(high - point, 0)]]
                axes.errorbar([x], [point], ends, color=color, fmt='os^Dv'[i % 5], capsize=3)
                axes.annotate(f'{point:+.1f}', (x, point), (5, 2), textcoords='offset points', fontsize=8)
        axes.set_xticks(range(len(GROUP_BARS)), list(GROUP_BARS.values()))
        axes.set_xlim(-0.6, len(GROUP_BARS) - 0.4)
        axes.set_ylabel('points')
        axes.set_title(f'{metric_title(metric)}: difference to {base}')
        figure.legend(*axes.get_legend_handles_labels(), loc='outside lower center', ncols=min(len(differences), 3))
    return figure
