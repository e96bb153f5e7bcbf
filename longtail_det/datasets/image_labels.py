"""The classes of every image of any data set, for resampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ImageLabels:
    """The classes of the images of a data set, image after image.

    Args:
        labels: (A,) int64, each class of an image once, in [0, C).
        offsets: (I + 1,) int64, image i holds the labels from `offsets[i]` up to `offsets[i + 1]`.
        num_classes: C.
        instance_count: (C,) int64 instances per class; None where nobody asked for them.
    """

    labels: NDArray[np.int64]
    offsets: NDArray[np.int64]
    num_classes: int
    instance_count: NDArray[np.int64] | None = None

    @property
    def image_count(self) -> NDArray[np.int64]:
        """(C,) images that hold the class."""
        return np.bincount(self.labels, minlength=self.num_classes)


def read_image_labels(dataset: Any, *, count_instances: bool = False) -> ImageLabels:
    """Read the classes of every image once.

    They are taken from `labels_per_image`, which reads no annotation, where the data set has it (crowd regions are
    left out then), and otherwise from `get_cat_ids`, as mmengine's ClassBalancedDataset does. A concatenation is
    read part by part.

    Args:
        dataset: an initialised data set.
        count_instances: whether to count instances as well, from `class_statistics` or `get_cat_ids`.

    Raises:
        TypeError: the data set, or a part of it, has neither.
    """
    per_image, instances = _read(dataset, count_instances)
    labels = np.concatenate([np.empty(0, dtype=np.int64), *per_image]).astype(np.int64, copy=False)
    sizes = np.fromiter(map(len, per_image), dtype=np.int64, count=len(per_image))
    known = len(dataset.metainfo.get('classes') or ())
    num_classes = max(known, int(labels.max(initial=-1)) + 1, len(instances))
    return ImageLabels(
        labels=labels,
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        num_classes=num_classes,
        instance_count=np.pad(instances, (0, num_classes - len(instances))) if count_instances else None,
    )


def _read(dataset: Any, count_instances: bool) -> tuple[list[Sequence[int]], NDArray[np.int64]]:
    """Give the classes of each image, each once; and the instances per class, if asked for."""
    if hasattr(dataset, 'datasets'):
        parts = [_read(part, count_instances) for part in dataset.datasets]
        return [labels for part, _ in parts for labels in part], _add([counts for _, counts in parts])
    labels = getattr(dataset, 'labels_per_image', None)
    if labels is not None and not count_instances:
        return labels, np.empty(0, dtype=np.int64)
    statistics = getattr(dataset, 'class_statistics', None)
    if labels is not None and statistics is not None:
        return labels, statistics.instance_count
    if not hasattr(dataset, 'get_cat_ids'):
        raise TypeError(
            f'cannot read the classes of the images of {type(dataset).__name__}: it has neither labels_per_image nor '
            "get_cat_ids; put the resampling directly around a data set such as type='LVISDataset'"
        )
    raw = [dataset.get_cat_ids(index) for index in range(len(dataset))]
    instances = np.bincount(np.fromiter(chain.from_iterable(raw), dtype=np.int64))
    return [sorted(set(labels)) for labels in raw], instances


def _add(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    total = np.zeros(max(map(len, counts)), dtype=np.int64)
    for part in counts:
        total[: len(part)] += part
    return total
