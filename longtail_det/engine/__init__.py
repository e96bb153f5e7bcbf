"""What runs beside the model in a training or test loop; importing this registers it."""

from longtail_det import compat

compat.install()  # first: without compiled mmcv, mmdet can only be imported with our ops in place

from .hooks import (  # noqa: E402
    ClassStatisticsHook,
    FillBankHook,
    FirstStageHook,
    FreezeHook,
    LossEpochHook,
    StatisticsSyncHook,
    find_class_statistics,
    freeze,
    sync_statistics,
)

__all__ = [
    'ClassStatisticsHook',
    'FillBankHook',
    'FirstStageHook',
    'FreezeHook',
    'LossEpochHook',
    'StatisticsSyncHook',
    'find_class_statistics',
    'freeze',
    'sync_statistics',
]
