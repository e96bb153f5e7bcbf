"""The LVIS evaluation: matching, accumulation, summary."""

from .accumulation import Curves, best_of_class, class_curves, count_objects, curves_by_area, recall_counts
from .boundary import boundary_rle, boundary_width, mask_boundary
from .detections import Detections, detection_columns
from .evaluation import ScoredDetections, check_choice, evaluate_detections, match_detections, result_name
from .flags import ALL_FLAGS, FLAG_BYTES, area_flags, flag, overlap_flags, pack_flags, packed_flag
from .ground_truth import GroundTruth, find_sorted
from .ground_truth_columns import ground_truth_from_columns, ground_truth_table, image_columns, object_columns
from .match_table import MatchTable, match_table, within_cap
from .matching import Assignment, Edges, assign, outside_area
from .overlaps import as_rle, box_edges, mask_edges, object_rle
from .parameters import AREA_RANGES, CLASS_CAP, IMAGE_CAP, IOU_THRESHOLDS, METRICS, MODES, RECALL_THRESHOLDS
from .predicted_columns import predicted_columns
from .rle_column import RLEColumn
from .summary import mean_defined, summarize
from .table import AP_COLUMNS, ap_table, is_defined, nest_results, percent

__all__ = [
    'ALL_FLAGS',
    'AP_COLUMNS',
    'AREA_RANGES',
    'CLASS_CAP',
    'FLAG_BYTES',
    'IMAGE_CAP',
    'IOU_THRESHOLDS',
    'METRICS',
    'MODES',
    'RECALL_THRESHOLDS',
    'Assignment',
    'Curves',
    'Detections',
    'Edges',
    'GroundTruth',
    'MatchTable',
    'RLEColumn',
    'ScoredDetections',
    'ap_table',
    'area_flags',
    'as_rle',
    'assign',
    'best_of_class',
    'boundary_rle',
    'boundary_width',
    'box_edges',
    'check_choice',
    'class_curves',
    'count_objects',
    'curves_by_area',
    'detection_columns',
    'evaluate_detections',
    'find_sorted',
    'flag',
    'ground_truth_from_columns',
    'ground_truth_table',
    'image_columns',
    'is_defined',
    'mask_boundary',
    'mask_edges',
    'match_detections',
    'match_table',
    'mean_defined',
    'nest_results',
    'object_columns',
    'object_rle',
    'outside_area',
    'overlap_flags',
    'pack_flags',
    'packed_flag',
    'percent',
    'predicted_columns',
    'recall_counts',
    'result_name',
    'summarize',
    'within_cap',
]
