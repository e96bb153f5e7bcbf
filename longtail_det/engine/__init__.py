"""What runs beside the model in a training or test loop; importing this registers it."""

from longtail_det import compat

compat.install()  # first: without compiled mmcv, mmdet can only be imported with our ops in place

from longtail_det.losses import sync_statistics  # noqa: E402

from .hooks import (  # noqa: E402
    ClassStatisticsHook,
    ExactCheckpointHook,
    FillBankHook,
    FirstStageHook,
    FreezeHook,
    LogitStatisticsHook,
    LossEpochHook,
    StatisticsSyncHook,
    find_class_statistics,
    find_file_statistics,
    freeze,
)
from .logit_statistics import collect_logit_statistics, training_batches  # noqa: E402

__all__ = [
    'ClassStatisticsHook',
    'ExactCheckpointHook',
    'FillBankHook',
    'FirstStageHook',
    'FreezeHook',
    'LogitStatisticsHook',
    'LossEpochHook',
    'StatisticsSyncHook',
    'collect_logit_statistics',
    'find_class_statistics',
    'find_file_statistics',
    'freeze',
    'sync_statistics',
    'training_batches',
]
