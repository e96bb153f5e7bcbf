"""Frequency groups of the training set for the classes of a tested file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from longtail_det.statistics import ClassStatistics

from .lvis import GroundTruth


def with_training_groups(gt: GroundTruth, statistics: ClassStatistics) -> GroundTruth:
    """Return the ground truth with the frequency groups of a training set.

    Args:
        gt: the objects of a tested file.
        statistics: of the training set, with names.

    Raises:
        ValueError: a class of which the training set knows nothing.
    """
    groups = dict(zip(statistics.names, statistics.frequency.tolist(), strict=False))
    missing = [name for name in gt.names if name not in groups]
    if missing:
        raise ValueError(
            f'the class statistics know nothing of class {missing[0]!r}; give the file of the training set'
        )
    return replace(gt, groups=np.array([groups[name] for name in gt.names]))
