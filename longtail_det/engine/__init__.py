"""What runs beside the model in a training or test loop; importing this registers it."""

from .hooks import ClassStatisticsHook, find_class_statistics

__all__ = [
    'ClassStatisticsHook',
    'find_class_statistics',
]
