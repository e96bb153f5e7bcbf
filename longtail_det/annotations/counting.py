"""The classes of a training set, counted: an annotation file, or the small json of its counts -> ClassStatistics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import ClassStatistics, fractal_dimension

from .checks import BadRecords
from .file import AnnotationFile, open_json, read_annotation_file
from .label_index import Role, index_labels
from .table import find_rows

_STATISTICS_KEYS = frozenset({'image_count', 'instance_count', 'num_images'})
_ANNOTATION_KEYS = frozenset({'images', 'annotations', 'categories'})


def count_file(file: AnnotationFile) -> ClassStatistics:
    """Count images and instances per class of a whole annotation file, and measure their spread over the image.

    Crowd regions (`iscrowd`) and annotations marked `ignore` are no instances. A `LVISDataset` of the file, without
    `filter_cfg`, counts the same in its `class_statistics`, which lack `total_images` and `fractal_dim`.

    Args:
        file: with or without masks.

    Returns:
        Statistics in the order of `file.categories`, every field known.
    """
    index, rows = index_labels(file.annotations, file.images, file.category_ids)
    statistics = index.statistics([category['name'] for category in file.categories])
    counted = np.isin(index.roles, (Role.INSTANCE, Role.TINY))
    spread = fractal_dimension(_centers(file, rows[counted]), index.labels[counted], statistics.num_classes)
    return replace(statistics, total_images=len(file.images), fractal_dim=spread)


def _centers(file: AnnotationFile, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (n, 2) x and y of the box centers of some annotations, divided by width and height of their images."""
    boxes = file.annotations.boxes[rows]
    sizes = file.images.sizes[find_rows(file.annotations.image_ids[rows], file.images.ids)]
    return (boxes[:, :2] + boxes[:, 2:] / 2) / sizes[:, ::-1]


def load_class_statistics(path: str | Path) -> ClassStatistics:
    """Read the statistics of a training set from a file; of a large one a megabyte is in memory at a time.

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
    known = _first_known_key(path, bad)
    if known in _STATISTICS_KEYS:
        return _read_counts(path)
    if known not in _ANNOTATION_KEYS:
        raise ValueError(
            f'{path} is neither a statistics file (keys image_count, instance_count, num_images) nor an LVIS or COCO '
            'annotation file (keys images, annotations, categories)'
        )
    file = read_annotation_file(path, bad, masks='skip')
    bad.settle('skip' if len(file.annotations) else 'error')
    return count_file(file)


def _first_known_key(path: Path, bad: BadRecords) -> str:
    with open_json(path, bad) as stream:
        if stream.at('{'):
            for key in stream.members():
                if key in _STATISTICS_KEYS | _ANNOTATION_KEYS:
                    return key
                stream.skip()
        else:
            stream.skip()
    return ''


def _read_counts(path: Path) -> ClassStatistics:
    try:
        data: Mapping[str, object] = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f'{path} is not valid json ({error}); was it cut short while being copied?') from None
    return ClassStatistics.from_dict(data)
