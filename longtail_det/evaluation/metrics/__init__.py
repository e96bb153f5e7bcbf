"""Metrics of mmengine's evaluator: they collect, write files and name results; `evaluation.functional` computes."""

from .annotation_file import load_ground_truth
from .collection import image_detections
from .lvis_api_metric import LVISAPIMetric

__all__ = [
    'LVISAPIMetric',
    'image_detections',
    'load_ground_truth',
]
