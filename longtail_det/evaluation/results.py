"""Results of a metric in a mode: their keys in a log, and a table of them by object size and frequency group."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from .lvis.parameters import METRICS, MODES

AP_COLUMNS = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'APr', 'APc', 'APf')
_NAMES = '|'.join(METRICS), '|'.join(f'_{mode}' for mode in MODES if mode != 'default')
_LOG_KEY = re.compile(rf'(?:[^/_]+/)?((?:{_NAMES[0]})(?:{_NAMES[1]})?)_(AP.*|AR.*)', re.DOTALL)

NamedResults = dict[str, dict[str, float]]


def name_results(scores: Mapping[tuple[str, str], Mapping[str, float]]) -> NamedResults:
    """Return results by the names under which they are logged and printed.

    Args:
        scores: by metric and mode, as `('bbox', 'fixed')`.

    Returns:
        `{'bbox': {'AP': ..., ...}, 'bbox_fixed': {...}}`; mode 'default' goes without saying.

    Example:
        >>> name_results({('bbox', 'default'): {'AP': 0.25}, ('segm', 'fixed'): {'AP': 0.2}})
        {'bbox': {'AP': 0.25}, 'segm_fixed': {'AP': 0.2}}
    """
    return {
        metric if mode == 'default' else f'{metric}_{mode}': dict(values) for (metric, mode), values in scores.items()
    }


def flatten_results(results: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return results under the keys of a log.

    Args:
        results: from `name_results`.

    Example:
        >>> flatten_results({'bbox': {'AP': 0.25}, 'segm_fixed': {'AP': 0.2}})
        {'bbox_AP': 0.25, 'segm_fixed_AP': 0.2}
    """
    return {f'{name}_{key}': value for name, values in results.items() for key, value in values.items()}


def nest_results(logged: Mapping[str, object]) -> NamedResults:
    """Read results back from a log; the inverse of `flatten_results`.

    Args:
        logged: `lvis/bbox_AP`, `segm_APr` and the like, with or without prefix; other keys are left out.

    Returns:
        `{'bbox': {'AP': ..., ...}, 'segm': {...}}`, holding what there is.

    Example:
        >>> nest_results({'lvis/bbox_AP': 0.25, 'lvis/bbox_APr': 0.1, 'time': 3.0})
        {'bbox': {'AP': 0.25, 'APr': 0.1}}
    """
    nested: NamedResults = {}
    for key, value in logged.items():
        match = _LOG_KEY.fullmatch(key)
        if match and isinstance(value, (int, float)):
            nested.setdefault(match[1], {})[match[2]] = float(value)
    return nested


def is_defined(value: float | None) -> bool:
    """Return whether an AP exists: `value` is None, NaN or the lvis API's -1 where there is nothing to find."""
    return value is not None and not math.isnan(value) and value >= 0


def percent(value: float | None) -> str:
    """Return `value`, an AP in [0, 1], as text in percent with one decimal, '-' where it is undefined.

    Example:
        >>> percent(0.2187), percent(-1), percent(None)
        ('21.9', '-', '-')
    """
    return f'{100 * value:.1f}' if value is not None and is_defined(value) else '-'


def ap_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return results as a text table, one row per metric, in percent.

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
