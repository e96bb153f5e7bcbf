"""Evaluation of long-tailed detection: AP over all classes and by frequency group."""

from .functional import ap_table, evaluate_detections, evaluate_lvis_api
from .metrics import FastLVISMetric, LVISAPIMetric, load_ground_truth, read_ground_truth
from .results_json import read_results, result_fields

__all__ = [
    'FastLVISMetric',
    'LVISAPIMetric',
    'ap_table',
    'evaluate_detections',
    'evaluate_lvis_api',
    'load_ground_truth',
    'read_ground_truth',
    'read_results',
    'result_fields',
]
