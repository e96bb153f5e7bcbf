"""Metrics of mmengine's evaluator: they collect, write files and name results; `evaluation.functional` computes."""

from .annotation_file import load_ground_truth
from .collection import image_detections
from .fast_lvis_metric import FastLVISMetric
from .ground_truth_file import read_ground_truth
from .lvis_api_metric import LVISAPIMetric

__all__ = [
    'FastLVISMetric',
    'LVISAPIMetric',
    'image_detections',
    'load_ground_truth',
    'read_ground_truth',
]
