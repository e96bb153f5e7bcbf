"""Memories of past RoIs: modules whose whole state is in buffers."""

from .feature_bank import SAMPLE_STRATEGIES, FeatureBank

__all__ = [
    'SAMPLE_STRATEGIES',
    'FeatureBank',
]
