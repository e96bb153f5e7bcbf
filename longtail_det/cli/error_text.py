"""Kinds of errors and LRP as text and as JSON, by frequency group."""

from __future__ import annotations

import math
from typing import Any

from longtail_det.evaluation.diagnosis import ERROR_TYPES, ErrorTypes, OptimalLRP
from longtail_det.statistics import FREQUENCY_GROUPS

from .text_table import text_table

_LRP_NAMES = {
    'lrp': 'oLRP',
    'localization': '1 - IoU',
    'false_positive': '1 - precision',
    'false_negative': '1 - recall',
    'threshold': 'score threshold',
}


def error_text(errors: ErrorTypes, lrp: OptimalLRP) -> str:
    """Return both as tables: what each kind of error costs and how many there are, then LRP and its parts.

    Args:
        errors: from `error_types`.
        lrp: from `optimal_lrp`.
    """
    groups = _groups(errors)
    lost, counts, means = ([of(group) for group in groups.values()] for of in (errors.lost, errors.count, lrp.means))
    header = [*groups, *(f'{name}, errors' for name in groups)]
    rows = [
        [kind, *(_points(values[kind]) for values in lost), *(str(values[kind]) for values in counts)]
        for kind in ERROR_TYPES
    ]
    parts = [[name, *(_points(values[key]) for values in means)] for key, name in _LRP_NAMES.items()]
    return (
        f'AP50 lost by kind of error, in points\n{text_table(["error", *header], rows)}\n\n'
        f'optimal LRP and its parts, in percent, less is better\n{text_table(["part", *groups], parts)}'
    )


def errors_json(errors: ErrorTypes, lrp: OptimalLRP) -> dict[str, Any]:
    """Return both as nested dicts by group, in [0, 1], None where undefined.

    Args:
        errors: from `error_types`.
        lrp: from `optimal_lrp`.
    """
    groups = _groups(errors)
    return {
        'AP50_lost': {name: _defined(errors.lost(group)) for name, group in groups.items()},
        'errors': {name: errors.count(group) for name, group in groups.items()},
        'LRP': {name: _defined(lrp.means(group)) for name, group in groups.items()},
    }


def _groups(errors: ErrorTypes) -> dict[str, str | None]:
    known = {} if errors.groups is None else {name: group for group, name in FREQUENCY_GROUPS.items()}
    return {'all': None, **known}


def _defined(values: dict[str, float]) -> dict[str, float | None]:
    return {key: None if math.isnan(value) else value for key, value in values.items()}


def _points(value: float) -> str:
    return '-' if math.isnan(value) else f'{100 * value:.1f}'
