"""Intervals in the results of a metric: their keys in a log, and their text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from longtail_det.statistics import FREQUENCY_GROUPS, Interval

from ..results import is_defined, percent


def interval_results(intervals: Mapping[str, Interval]) -> dict[str, float]:
    """Return the ends of intervals under the keys of a log, such as `AP_low` and `AP_high`; -1 where undefined.

    Args:
        intervals: from `ResampledAP.intervals`.

    Example:
        >>> interval_results({'APr': Interval(0.25, 0.125, 0.5)})
        {'APr_low': 0.125, 'APr_high': 0.5}
    """
    ends = {f'{key}_{end}': getattr(value, end) for key, value in intervals.items() for end in ('low', 'high')}
    return {key: value if np.isfinite(value) else -1.0 for key, value in ends.items()}


def interval_text(interval: Interval) -> str:
    """Return an AP with its interval in percent, '-' where it is undefined.

    Args:
        interval: in [0, 1].

    Example:
        >>> interval_text(Interval(0.25, 0.125, 0.5))
        '25.0 [12.5, 50.0]'
    """
    if not is_defined(interval.point):
        return '-'
    return f'{percent(interval.point)} [{percent(interval.low)}, {percent(interval.high)}]'


def result_interval(results: Mapping[str, float], key: str) -> Interval | None:
    """Read an AP and the ends of its interval back from the results of a metric; None where they have none.

    Args:
        results: with `interval_results` in it.
        key: 'AP', 'APr', 'APc' or 'APf'.

    Example:
        >>> result_interval({'AP': 0.25, 'AP_low': 0.125, 'AP_high': 0.5}, 'AP')
        Interval(point=0.25, low=0.125, high=0.5)
    """
    values = [results.get(name) for name in (key, f'{key}_low', f'{key}_high')]
    defined = [value for value in values if value is not None and is_defined(value)]
    return Interval(*defined) if len(defined) == 3 else None


def interval_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return the intervals in some results as a text table, one line per metric and group that has them.

    Args:
        results: `{'bbox': {'AP': 0.2, 'AP_low': 0.15, 'AP_high': 0.25, ...}, ...}`.

    Example:
        >>> print(interval_table({'bbox': {'AP': 0.25, 'AP_low': 0.125, 'AP_high': 0.5}}))
        bbox AP   25.0 [12.5, 50.0]
    """
    keys = ('AP', *(f'AP{group}' for group in FREQUENCY_GROUPS))
    found = [(f'{name} {key}', result_interval(values, key)) for name, values in results.items() for key in keys]
    width = max((len(label) for label, interval in found if interval), default=0)
    return '\n'.join(f'{label:<{width}}   {interval_text(interval)}' for label, interval in found if interval)
