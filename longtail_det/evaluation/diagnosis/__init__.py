"""What lies behind an AP: outcomes of detections, confusion, calibration curves, per-class tables."""

from .class_table import ClassTable, class_ap
from .confusion import Confusion, confusion
from .outcomes import DetectionOutcomes, Outcome, detection_outcomes, nearest_objects
from .pareto import pareto_front
from .reliability import Reliability, reliability

__all__ = [
    'ClassTable',
    'Confusion',
    'DetectionOutcomes',
    'Outcome',
    'Reliability',
    'class_ap',
    'confusion',
    'detection_outcomes',
    'nearest_objects',
    'pareto_front',
    'reliability',
]
