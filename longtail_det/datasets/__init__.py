"""Datasets: LVIS- and COCO-format files with a long tail, resampling, samplers, masks and transforms."""

from longtail_det import compat

compat.install()  # first: without compiled mmcv, mmdet can only be imported with our ops in place

from .lvis_dataset import LVISDataset  # noqa: E402
from .masks import DeferredMasks  # noqa: E402
from .resampling import RepeatFactorDataset  # noqa: E402
from .rio_dataset import RIODataset  # noqa: E402
from .samplers import InfiniteClassAwareSampler, InfiniteRepeatFactorSampler, RepeatFactorSampler  # noqa: E402
from .transforms import LoadDeferredMasks, RareCopyPaste  # noqa: E402

__all__ = [
    'DeferredMasks',
    'InfiniteClassAwareSampler',
    'InfiniteRepeatFactorSampler',
    'LVISDataset',
    'LoadDeferredMasks',
    'RIODataset',
    'RareCopyPaste',
    'RepeatFactorDataset',
    'RepeatFactorSampler',
]
