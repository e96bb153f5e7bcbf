"""Readers that several commands use, imported when a command gets to read."""

from __future__ import annotations

from collections.abc import Sequence

from longtail_det.annotations import AnnotationFile
from longtail_det.evaluation import GroundTruth
from longtail_det.statistics import ClassStatistics


def read_ground_truth(path: str, metrics: Sequence[str]) -> GroundTruth:
    """Read an annotation file for evaluation."""
    from longtail_det import metrics as room

    return room.read_ground_truth(path, metrics)


def count_file(file: AnnotationFile) -> ClassStatistics:
    """Count the classes of a whole annotation file."""
    from longtail_det.datasets import label_index

    return label_index.count_file(file)
