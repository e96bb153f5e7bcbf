"""Evaluation of long-tailed detection: AP over all classes and by frequency group, and what lies behind it."""

from .lvis import Detections, GroundTruth, ap_table, evaluate_detections
from .results_json import read_results, result_fields

__all__ = [
    'Detections',
    'GroundTruth',
    'ap_table',
    'evaluate_detections',
    'read_results',
    'result_fields',
]
