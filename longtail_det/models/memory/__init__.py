"""Memories of past RoIs: modules whose whole state is in buffers."""

from .feature_bank import SAMPLE_STRATEGIES, FeatureBank
from .jitter import NUM_JITTERED, jittered_boxes

__all__ = [
    'NUM_JITTERED',
    'SAMPLE_STRATEGIES',
    'FeatureBank',
    'jittered_boxes',
]
