"""Evaluation of long-tailed detection: AP over all classes and by frequency group, and what lies behind it."""

from .ground_truth_file import read_ground_truth
from .lvis import Detections, GroundTruth, evaluate_detections
from .results import AP_COLUMNS, ap_table, is_defined, percent
from .results_json import read_records, read_results, result_fields

__all__ = [
    'AP_COLUMNS',
    'Detections',
    'GroundTruth',
    'ap_table',
    'evaluate_detections',
    'is_defined',
    'percent',
    'read_ground_truth',
    'read_records',
    'read_results',
    'result_fields',
]
