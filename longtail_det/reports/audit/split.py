"""One annotation file of an audit: what is in it, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import (
    AnnotationFile,
    BadRecords,
    LabelIndex,
    Role,
    count_file,
    find_rows,
    index_instances,
    read_annotation_file,
    read_group_flags,
)
from longtail_det.statistics import ClassStatistics


@dataclass(frozen=True)
class Split:
    """The good records of an annotation file, counted, and the bad ones.

    Args:
        path: the file or folder, as messages name it.
        file: its good records.
        instances: those that `statistics` counts, on the images that hold any.
        statistics: the counts of `longtail-det class-statistics`.
        bad: what was left out.
        num_groups: annotations that Open Images' mark calls a group of objects, and that are no crowd region.
    """

    path: str
    file: AnnotationFile
    instances: LabelIndex
    statistics: ClassStatistics
    bad: BadRecords
    num_groups: int

    @property
    def names(self) -> tuple[str, ...]:
        """(C,) class names."""
        return self.statistics.names

    @property
    def num_bad(self) -> int:
        """Number of bad records."""
        return sum(self.bad.counts.values())

    @property
    def trained_count(self) -> NDArray[np.int64]:
        """(C,) instances that mmdet trains on: the counted ones of a pixel or more."""
        return self._count(Role.INSTANCE)

    @property
    def num_tiny(self) -> int:
        """Number of counted instances with a side below a pixel or no area."""
        return int(self._count(Role.TINY).sum())

    @property
    def num_crowd(self) -> int:
        """Number of crowd regions and ignored annotations."""
        return int((self.file.annotations.crowd | self.file.annotations.ignore).sum())

    def image_names(self, positions: NDArray[np.intp]) -> list[str]:
        """Return the file names of some images of `instances`."""
        rows = find_rows(self.instances.image_rows[positions], self.file.images.rows)
        return [str(name) for name in self.file.images.names[rows]]

    def _count(self, role: Role) -> NDArray[np.int64]:
        labels = self.instances.labels[self.instances.roles == role]
        return np.bincount(labels, minlength=self.statistics.num_classes)


def read_split(path: str | Path, *, masks: bool = True, show_progress: bool = False) -> Split:
    """Read an LVIS or COCO annotation file, or a folder of YOLO labels.

    Args:
        path: on this machine.
        masks: whether to check those too.
        show_progress: whether to draw a progress bar.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: none of these formats, or without a good instance.
    """
    bad = BadRecords(str(path))
    file = read_annotation_file(path, bad, masks=masks, show_progress=show_progress)
    try:
        instances = index_instances(file)
    except ValueError as error:
        bad.refuse('Repair the file')
        raise ValueError(f'{path}: {error}') from None
    table = file.annotations
    groups = np.isin(table.ids, read_group_flags(path, str(path))) & ~table.crowd
    return Split(str(path), file, instances, count_file(file), bad, int(groups.sum()))
