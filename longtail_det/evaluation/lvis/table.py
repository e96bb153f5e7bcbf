"""The table of results: AP of boxes and masks over all classes, by object size and by frequency group."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

AP_COLUMNS = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'APr', 'APc', 'APf')
_KEY = re.compile(r'(?:[^/_]+/)?((?:bbox|segm|boundary)(?:_fixed|_pool)?)_(AP.*|AR.*)', re.DOTALL)


def nest_results(results: Mapping[str, object]) -> dict[str, dict[str, float]]:
    """Sort the flat keys that a metric logs by what was measured.

    Args:
        results: `lvis/bbox_AP`, `segm_APr` and the like, with or without prefix; other keys are left out.

    Returns:
        `{'bbox': {'AP': ..., ...}, 'segm': {...}}`, holding what there is.

    Example:
        >>> nest_results({'lvis/bbox_AP': 0.25, 'lvis/bbox_APr': 0.1, 'time': 3.0})
        {'bbox': {'AP': 0.25, 'APr': 0.1}}
    """
    nested: dict[str, dict[str, float]] = {}
    for key, value in results.items():
        match = _KEY.fullmatch(key)
        if match and isinstance(value, (int, float)):
            nested.setdefault(match[1], {})[match[2]] = float(value)
    return nested


def is_defined(value: float | None) -> bool:
    """Tell whether an AP exists: `value` is None, NaN or the lvis API's -1 where there is nothing to find."""
    return value is not None and not math.isnan(value) and value >= 0


def percent(value: float | None) -> str:
    """Write `value`, an AP in [0, 1], in percent with one decimal, '-' where it is undefined.

    Example:
        >>> percent(0.2187), percent(-1), percent(None)
        ('21.9', '-', '-')
    """
    return f'{100 * value:.1f}' if value is not None and is_defined(value) else '-'


def ap_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """Set results as a text table, one row per metric, in percent.

    Args:
        results: `{'bbox': {'AP': 0.2, ...}, ...}` with APs in [0, 1]; -1, NaN or a missing key becomes '-'.

    Returns:
        The lines, joined; no line ends in a blank.

    Example:
        >>> print(ap_table({'bbox': {'AP': 0.219, 'APr': -1}}).replace(' ', '.'))
        metric.|...AP.|.AP50.|.AP75.|.APs.|.APm.|.APl.|.APr.|.APc.|.APf
        bbox...|.21.9.|....-.|....-.|...-.|...-.|...-.|...-.|...-.|...-
    """
    rows = [list(AP_COLUMNS)] + [[percent(values.get(key)) for key in AP_COLUMNS] for values in results.values()]
    labels = ['metric', *results]
    widths = [max(len(row[c]) for row in rows) for c in range(len(AP_COLUMNS))]
    label_width = max(len(label) for label in labels)
    return '\n'.join(
        ' | '.join([label.ljust(label_width), *(cell.rjust(width) for cell, width in zip(row, widths, strict=True))])
        for label, row in zip(labels, rows, strict=True)
    )
