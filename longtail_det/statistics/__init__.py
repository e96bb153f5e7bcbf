"""Class statistics of a training set: counts, frequency groups, reading them from LVIS files (pure numpy)."""

from .class_statistics import ClassStatistics
from .frequency import (
    COMMON_MAX_IMAGES,
    FREQUENCY_GROUPS,
    RARE_MAX_IMAGES,
    frequency_group,
    group_indices,
)
from .lvis_json import count_annotations, load_class_statistics

__all__ = [
    'COMMON_MAX_IMAGES',
    'FREQUENCY_GROUPS',
    'RARE_MAX_IMAGES',
    'ClassStatistics',
    'count_annotations',
    'frequency_group',
    'group_indices',
    'load_class_statistics',
]
