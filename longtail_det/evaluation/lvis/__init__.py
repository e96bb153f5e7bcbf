"""The LVIS evaluation: matching, accumulation, summary."""

from .detections import Detections, detection_columns
from .evaluation import ScoredDetections, evaluate_detections, match_detections
from .ground_truth import GroundTruth
from .ground_truth_columns import ground_truth_table
from .parameters import METRICS, MODES
from .predicted_columns import predicted_columns

__all__ = [
    'METRICS',
    'MODES',
    'Detections',
    'GroundTruth',
    'ScoredDetections',
    'detection_columns',
    'evaluate_detections',
    'ground_truth_table',
    'match_detections',
    'predicted_columns',
]
