"""Hooks, registered in mmdet's HOOKS."""

from .class_statistics_hook import ClassStatisticsHook, find_class_statistics, find_file_statistics
from .logit_statistics_hook import LogitStatisticsHook
from .loss_epoch_hook import LossEpochHook
from .statistics_sync_hook import StatisticsSyncHook, sync_statistics

__all__ = [
    'ClassStatisticsHook',
    'LogitStatisticsHook',
    'LossEpochHook',
    'StatisticsSyncHook',
    'find_class_statistics',
    'find_file_statistics',
    'sync_statistics',
]
