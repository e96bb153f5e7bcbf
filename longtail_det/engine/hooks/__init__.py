"""Hooks, registered in mmdet's HOOKS."""

from .class_statistics_hook import ClassStatisticsHook, find_class_statistics
from .fill_bank_hook import FillBankHook
from .first_stage_hook import FirstStageHook
from .freeze_hook import FreezeHook, freeze
from .loss_epoch_hook import LossEpochHook
from .statistics_sync_hook import StatisticsSyncHook, sync_statistics

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
