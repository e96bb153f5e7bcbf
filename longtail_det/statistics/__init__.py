"""Class statistics of a training set: counts, frequency groups, repeat factors, bootstrap (pure numpy)."""

from .bootstrap import Interval, bootstrap_weights, centered_interval
from .class_statistics import ClassStatistics
from .fractal import fractal_dimension
from .frequency import COMMON_MAX_IMAGES, FREQUENCY_GROUPS, RARE_MAX_IMAGES, frequency_group, group_indices
from .object_resampling import REPLAY_MAX_IMAGES, expected_replays, replay_classes
from .pairs import unique_pairs
from .repeat_factors import RESAMPLING_MODES, class_repeat_factors, draw_repeats, image_repeat_factors, resampled_count
from .resampling import Epoch, Resampling, gini
from .thresholds import (
    MAX_GROWTH,
    Suggestion,
    shortest_decimal,
    suggest_instance_thr,
    suggest_lambda,
    suggest_oversample_thr,
    tail_max_images,
    tail_ratio,
)

__all__ = [
    'COMMON_MAX_IMAGES',
    'FREQUENCY_GROUPS',
    'MAX_GROWTH',
    'RARE_MAX_IMAGES',
    'REPLAY_MAX_IMAGES',
    'RESAMPLING_MODES',
    'ClassStatistics',
    'Epoch',
    'Interval',
    'Resampling',
    'Suggestion',
    'bootstrap_weights',
    'centered_interval',
    'class_repeat_factors',
    'draw_repeats',
    'expected_replays',
    'fractal_dimension',
    'frequency_group',
    'gini',
    'group_indices',
    'image_repeat_factors',
    'replay_classes',
    'resampled_count',
    'shortest_decimal',
    'suggest_instance_thr',
    'suggest_lambda',
    'suggest_oversample_thr',
    'tail_max_images',
    'tail_ratio',
    'unique_pairs',
]
