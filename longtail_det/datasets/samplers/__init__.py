"""Samplers, registered in mmdet's DATA_SAMPLERS."""

from .class_aware_sampler import InfiniteClassAwareSampler
from .repeat_factor_sampler import InfiniteRepeatFactorSampler, RepeatFactorSampler

__all__ = [
    'InfiniteClassAwareSampler',
    'InfiniteRepeatFactorSampler',
    'RepeatFactorSampler',
]
