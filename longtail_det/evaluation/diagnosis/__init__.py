"""What lies behind an AP: outcomes of detections, confusion, calibration curves, per-class tables, intervals."""

from .class_table import ClassTable, class_ap
from .confusion import Confusion, confusion
from .interval_results import interval_results, interval_table, interval_text, result_interval
from .intervals import RESAMPLES, ResampledAP, resample_ap, resample_detections
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
    'interval_table',
    'interval_text',
    'pareto_front',
    'reliability',
    'resample_ap',
    'resample_detections',
    'result_interval',
]
