"""Image-level resampling for any dataset: repeat factors, and samplers for a torch `DataLoader`."""

from .class_aware_sampler import ClassAwareSampler
from .image_labels import ImageLabels, repeat_factors
from .repeat_factor_sampler import InfiniteRepeatFactorSampler, RepeatFactorSampler
from .unwrap import unwrap

__all__ = [
    'ClassAwareSampler',
    'ImageLabels',
    'InfiniteRepeatFactorSampler',
    'RepeatFactorSampler',
    'repeat_factors',
    'unwrap',
]
