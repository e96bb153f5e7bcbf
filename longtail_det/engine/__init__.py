"""What runs beside the model in a training or test loop; importing this registers it."""

from .hooks import ClassStatisticsHook, StatisticsSyncHook, find_class_statistics, sync_statistics

__all__ = [
    'ClassStatisticsHook',
    'StatisticsSyncHook',
    'find_class_statistics',
    'sync_statistics',
]
