"""Evaluation of long-tailed detection: AP over all classes and by frequency group, and what lies behind it."""

from .lvis import Detections, GroundTruth, ap_table, evaluate_detections
from .predicted_images import read_predicted_images
from .results_json import read_results, result_fields
from .training_groups import with_training_groups

__all__ = [
    'Detections',
    'GroundTruth',
    'ap_table',
    'evaluate_detections',
    'read_predicted_images',
    'read_results',
    'result_fields',
    'with_training_groups',
]
