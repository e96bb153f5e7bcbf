"""The classes of a training set, counted: an annotation file, or the small json of its counts -> ClassStatistics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import ClassStatistics, fractal_dimension

from .bad_records import BadRecords
from .columns import KEYS, tabulate
from .file import AnnotationFile, select_good
from .gc_pause import gc_pause
from .json_members import JsonMembers
from .label_index import LabelIndex, Role, index_labels
from .table import find_rows

_STATISTICS_KEYS = ('image_count', 'instance_count', 'num_images')
_NEITHER = (
    f'neither a statistics file (keys {", ".join(_STATISTICS_KEYS)}) nor an LVIS or COCO annotation file '
    f'(keys {", ".join(KEYS)})'
)


def count_file(file: AnnotationFile) -> ClassStatistics:
    """Count images and instances per class of a whole annotation file, and measure their spread over the image.

    Crowd regions (`iscrowd`) and annotations marked `ignore` are no instances. A `LVISDataset` of the file, without
    `filter_cfg`, counts the same in its `class_statistics`, which lack `total_images` and `fractal_dim`.

    Args:
        file: with or without masks.

    Returns:
        Statistics in the order of `file.categories`, every field known.
    """
    index = index_labels(file.annotations, file.images, file.category_ids)
    statistics = index.statistics([category['name'] for category in file.categories])
    counted = np.isin(index.roles, (Role.INSTANCE, Role.TINY))
    rows = find_rows(index.rows[counted], file.annotations.rows)
    spread = fractal_dimension(_centers(file, rows), index.labels[counted], statistics.num_classes)
    return replace(statistics, total_images=len(file.images), fractal_dim=spread)


def index_instances(file: AnnotationFile) -> LabelIndex:
    """Index the instances that `count_file` counts, on the images that hold any: what resampling repeats.

    Args:
        file: with or without masks.

    Raises:
        ValueError: there is no instance.
    """
    annotations = file.annotations.select(~(file.annotations.crowd | file.annotations.ignore))
    if not len(annotations):
        raise ValueError('there is no instance; expected the annotation file of a training set')
    index = index_labels(annotations, file.images, file.category_ids)
    return index.select(np.flatnonzero(index.annotated))


def _centers(file: AnnotationFile, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (n, 2) x and y of the box centers of some annotations, divided by width and height of their images."""
    boxes = file.annotations.boxes[rows]
    sizes = file.images.sizes[find_rows(file.annotations.image_ids[rows], file.images.ids)]
    return (boxes[:, :2] + boxes[:, 2:] / 2) / sizes[:, ::-1]


def load_class_statistics(path: str | Path) -> ClassStatistics:
    """Read the statistics of a training set from a file.

    Args:
        path: either the small json that `tools/data/class_statistics.py` writes, or a whole LVIS or COCO annotation
            file, whose annotations are then counted (categories sorted by id). Bad records are left out; the log
            says how many.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: not json, neither of the two formats, or an annotation file without a good annotation.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'class statistics file not found: {path}; write one with '
            'python tools/data/class_statistics.py --ann TRAIN.json --out STATS.json'
        )
    bad = BadRecords(str(path))
    members = JsonMembers(path, bad.path, [*_STATISTICS_KEYS, *KEYS], _NEITHER)
    if not members.keys.intersection(KEYS):
        if not members.keys:
            raise ValueError(f'{path} is {_NEITHER}')
        return _read_counts(path)
    with gc_pause():
        file = select_good(tabulate(members.arrays, bad.path, masks=False, release=members.release), bad)
    bad.settle('skip' if len(file.annotations) else 'error')
    return count_file(file)


def _read_counts(path: Path) -> ClassStatistics:
    data: Mapping[str, object] = json.loads(path.read_text())
    return ClassStatistics.from_dict(data)
