"""Evaluation as functions: arrays and records in, numbers and text out."""

from .classes import category_groups, match_classes
from .lvis_api import evaluate_lvis_api
from .records import detection_records
from .table import AP_COLUMNS, ap_table, is_defined, nest_results, percent

__all__ = [
    'AP_COLUMNS',
    'ap_table',
    'category_groups',
    'detection_records',
    'evaluate_lvis_api',
    'is_defined',
    'match_classes',
    'nest_results',
    'percent',
]
