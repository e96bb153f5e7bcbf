"""What lies behind an AP: outcomes of detections, confusion, calibration curves, per-class tables, intervals."""

from .class_table import ClassTable, class_ap
from .confusion import Confusion, confusion
from .intervals import RESAMPLES, ResampledAP, interval_results, resample_ap, resample_detections
from .outcomes import Outcome, detection_outcomes
from .pareto import pareto_front
from .reliability import Reliability, reliability

__all__ = [
    'RESAMPLES',
    'ClassTable',
    'Confusion',
    'Outcome',
    'Reliability',
    'ResampledAP',
    'class_ap',
    'confusion',
    'detection_outcomes',
    'interval_results',
    'pareto_front',
    'reliability',
    'resample_ap',
    'resample_detections',
]
