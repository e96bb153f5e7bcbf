"""The classes of every image of any mmengine dataset, for resampling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.sampling import ImageLabels


def read_image_labels(dataset: Any, *, count_instances: bool = False) -> ImageLabels:
    """Read the classes of every image once.

    They are taken from `labels_per_image`, which reads no annotation, where the dataset has it (crowd regions are
    left out then), and otherwise from `get_cat_ids`, as mmengine's ClassBalancedDataset does. A concatenation is
    read part by part.

    Args:
        dataset: an initialized dataset.
        count_instances: whether to count instances as well, from `class_statistics` or `get_cat_ids`.

    Raises:
        TypeError: the dataset, or a part of it, has neither.
    """
    per_image, instances = _read(dataset, count_instances)
    known = max(len(dataset.metainfo.get('classes') or ()), len(instances))
    return ImageLabels.flatten(per_image, num_classes=known, instance_count=instances if count_instances else None)


def _read(dataset: Any, count_instances: bool) -> tuple[list[Sequence[int]], NDArray[np.int64]]:
    """Return the classes of each image, each once; and the instances per class, if asked for."""
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
            "get_cat_ids; put the resampling directly around a dataset such as type='LVISDataset'"
        )
    raw = [dataset.get_cat_ids(index) for index in range(len(dataset))]
    instances = np.bincount(np.fromiter(chain.from_iterable(raw), dtype=np.int64))
    return [sorted(set(labels)) for labels in raw], instances


def _add(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    total = np.zeros(max(map(len, counts)), dtype=np.int64)
    for part in counts:
        total[: len(part)] += part
    return total
