"""Hooks, registered in mmdet's HOOKS."""

from .class_statistics_hook import ClassStatisticsHook, find_class_statistics
from .loss_epoch_hook import LossEpochHook
from .statistics_sync_hook import StatisticsSyncHook, sync_statistics

__all__ = [
    'ClassStatisticsHook',
    'LossEpochHook',
    'StatisticsSyncHook',
    'find_class_statistics',
    'sync_statistics',
]
