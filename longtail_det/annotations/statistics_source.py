"""Class statistics from whatever a config can hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from longtail_det.statistics import ClassStatistics

from .counting import load_class_statistics

#: the object, a mapping of its fields, or the path of a JSON file
StatisticsSource: TypeAlias = ClassStatistics | Mapping[str, Any] | str | Path


def as_class_statistics(source: StatisticsSource) -> ClassStatistics:
    """Read class statistics as a config gives them.

    Args:
        source: `ClassStatistics`, a mapping of its fields, or a path as `load_class_statistics` takes it.

    Raises:
        ValueError, FileNotFoundError: what is wrong with the source, in one line.
    """
    if isinstance(source, ClassStatistics):
        return source
    return ClassStatistics.from_dict(source) if isinstance(source, Mapping) else load_class_statistics(source)
