"""Samplers, registered in mmdet's DATA_SAMPLERS."""

from .repeat_factor_sampler import InfiniteRepeatFactorSampler, RepeatFactorSampler

__all__ = [
    'InfiniteRepeatFactorSampler',
    'RepeatFactorSampler',
]
