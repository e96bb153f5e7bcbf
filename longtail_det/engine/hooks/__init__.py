"""Hooks, registered in mmdet's HOOKS."""

from .class_statistics_hook import ClassStatisticsHook, find_class_statistics

__all__ = [
    'ClassStatisticsHook',
    'find_class_statistics',
]
