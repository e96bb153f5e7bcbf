"""Training losses as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import NEUTRAL, SERIES, figure_style, new_figure

_SPAN = 20  # the bold curve averages over about this fraction of the records


def plot_losses(log_records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the total loss and its components over training steps.

    The values as logged are faint; the bold curve is their exponential moving average over a twentieth of the records.

    Args:
        log_records: lines of mmengine's `vis_data/scalars.json`; those without 'loss' (validation) are left out.

    Returns:
        Left panel: total loss; right panel: every component (keys that hold 'loss'), in the unit of the loss.

    Raises:
        ValueError: no record of training.
    """
    records = [record for record in log_records if 'loss' in record]
    if not records:
        raise ValueError(
            f'none of {len(log_records)} log records holds a loss; expected the scalars.json of a training'
        )
    components = [
        key for key in dict.fromkeys(key for record in records for key in record) if 'loss' in key and key != 'loss'
    ]
    with figure_style():
        figure = new_figure(9, 3.4)
        total, parts = figure.subplots(1, 2)
        _curve(total, records, 'loss', NEUTRAL)
        total.set_title('Total loss')
        for i, key in enumerate(components):
            _curve(parts, records, key, SERIES[i % len(SERIES)], linestyle='-' if i < len(SERIES) else '--')
        parts.set_title('Components')
        if components:
            parts.legend(fontsize=8)
        for axes in (total, parts):
            axes.set_xlabel('training step')
            axes.set_ylim(bottom=0)
    return figure


def _curve(axes: Axes, records: Sequence[Mapping[str, Any]], key: str, color: str, linestyle: str = '-') -> None:
    logged = [(record.get('step', n), record[key]) for n, record in enumerate(records, start=1) if key in record]
    steps, values = (np.array(column, dtype=np.float64) for column in zip(*logged, strict=True))
    axes.plot(steps, values, color=color, alpha=0.3, linewidth=0.9)
    axes.plot(
        steps, moving_average(values, max(1, len(values) // _SPAN)), linestyle, color=color, linewidth=1.8, label=key
    )


def moving_average(values: NDArray[np.float64], span: int) -> NDArray[np.float64]:
    """Compute the exponential moving average of (n,) values over about `span`, which starts without bias.

    Example:
        >>> moving_average(np.array([4.0, 4.0, 1.0]), span=3).round(2).tolist()
        [4.0, 4.0, 2.29]
    """
    keep = 1 - 2 / (span + 1)
    total = weight = 0.0
    averages = np.empty_like(values)
    for n, value in enumerate(values):
        total, weight = keep * total + value, keep * weight + 1
        averages[n] = total / weight
    return averages
