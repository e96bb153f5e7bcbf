"""What lies behind an AP: outcomes of detections, confusion, calibration curves, per-class tables."""

from .class_table import ClassTable, class_ap
from .confusion import Confusion, confusion
from .outcomes import Outcome, detection_outcomes
from .pareto import pareto_front
from .reliability import Reliability, reliability

__all__ = [
    'ClassTable',
    'Confusion',
    'Outcome',
    'Reliability',
    'class_ap',
    'confusion',
    'detection_outcomes',
    'pareto_front',
    'reliability',
]
