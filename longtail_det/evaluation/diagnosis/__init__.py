"""What lies behind an AP: outcomes and kinds of errors, confusion, calibration curves, per-class tables, intervals."""

from .class_table import ClassTable, class_ap
from .confusion import Confusion, confusion
from .error_types import ERROR_TYPES, ErrorTypes, error_types
from .interval_results import interval_results, interval_table, interval_text, result_interval
from .intervals import RESAMPLES, ResampledAP, resample_ap, resample_detections
from .lrp import OptimalLRP, optimal_lrp
from .object_overlaps import ObjectOverlaps, object_overlaps
from .outcomes import Outcome, detection_outcomes
from .pareto import pareto_front
from .reliability import Reliability, reliability

__all__ = [
    'ERROR_TYPES',
    'RESAMPLES',
    'ClassTable',
    'Confusion',
    'ErrorTypes',
    'ObjectOverlaps',
    'OptimalLRP',
    'Outcome',
    'Reliability',
    'ResampledAP',
    'class_ap',
    'confusion',
    'detection_outcomes',
    'error_types',
    'interval_results',
    'interval_table',
    'interval_text',
    'object_overlaps',
    'optimal_lrp',
    'pareto_front',
    'reliability',
    'resample_ap',
    'resample_detections',
    'result_interval',
]
