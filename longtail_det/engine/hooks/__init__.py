"""Hooks, registered in mmdet's HOOKS."""

from .class_statistics_hook import ClassStatisticsHook, find_class_statistics, find_file_statistics
from .exact_checkpoint_hook import ExactCheckpointHook
from .fill_bank_hook import FillBankHook
from .first_stage_hook import FirstStageHook
from .freeze_hook import FreezeHook, freeze
from .logit_statistics_hook import LogitStatisticsHook
from .loss_epoch_hook import LossEpochHook
from .statistics_sync_hook import StatisticsSyncHook

__all__ = [
    'ClassStatisticsHook',
    'ExactCheckpointHook',
    'FillBankHook',
    'FirstStageHook',
    'FreezeHook',
    'LogitStatisticsHook',
    'LossEpochHook',
    'StatisticsSyncHook',
    'find_class_statistics',
    'find_file_statistics',
    'freeze',
]
