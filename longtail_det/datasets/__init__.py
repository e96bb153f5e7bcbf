"""Data sets: LVIS- and COCO-format files with a long tail, resampling, samplers."""

from .lvis_dataset import LVISDataset
from .resampling import RepeatFactorDataset
from .rio_dataset import RIODataset
from .samplers import InfiniteRepeatFactorSampler, RepeatFactorSampler

__all__ = [
    'InfiniteRepeatFactorSampler',
    'LVISDataset',
    'RIODataset',
    'RepeatFactorDataset',
    'RepeatFactorSampler',
]
