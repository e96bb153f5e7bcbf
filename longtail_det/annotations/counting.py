"""LVIS or COCO annotation records -> ClassStatistics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from longtail_det.statistics import ClassStatistics


def count_annotations(
    annotations: Iterable[Mapping[str, Any]], category_ids: Sequence[int], names: Sequence[str] = ()
) -> ClassStatistics:
    """Count images and instances per class from annotation records.

    Crowd regions (`iscrowd`) and annotations marked `ignore` are no instances. Annotations of categories outside
    `category_ids` are left out, and an image counts for `num_images` only if an instance of a listed category is on it.

    Args:
        annotations: records with `image_id` and `category_id`.
        category_ids: the category id of class index 0, 1, ...
        names: class names in the same order, or empty.

    Returns:
        Statistics in the order of `category_ids`.

    Example:
        >>> records = [dict(image_id=1, category_id=7), dict(image_id=1, category_id=7)]
        >>> count_annotations(records, [7, 9]).to_dict()['instance_count']
        [2, 0]
    """
    index = {category_id: c for c, category_id in enumerate(category_ids)}
    pairs = [
        (index[ann['category_id']], ann['image_id'])
        for ann in annotations
        if ann['category_id'] in index and not ann.get('iscrowd', 0) and not ann.get('ignore', 0)
    ]
    instance_count = np.bincount([c for c, _ in pairs], minlength=len(index))
    image_count = np.bincount([c for c, _ in set(pairs)], minlength=len(index))
    num_images = len({image_id for _, image_id in pairs})
    return ClassStatistics(image_count, instance_count, num_images, tuple(names))


def load_class_statistics(path: str | Path) -> ClassStatistics:
    """Read the statistics of a training set from a file.

    Args:
        path: either the small json that `tools/data/class_statistics.py` writes, or a whole LVIS / COCO
            annotation file, whose annotations are then counted (categories sorted by id).

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: not json, or neither of the two formats.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'class statistics file not found: {path}; write one with '
            'python tools/data/class_statistics.py --ann TRAIN.json --out STATS.json'
        )
    try:
        data = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f'{path} is not valid json ({error}); was it cut short while being copied?') from None
    if isinstance(data, Mapping) and 'image_count' in data:
        return ClassStatistics.from_dict(data)
    if isinstance(data, Mapping) and {'annotations', 'categories'} <= data.keys():
        try:
            categories = sorted(data['categories'], key=lambda category: category['id'])
            ids, names = [c['id'] for c in categories], [c['name'] for c in categories]
            return count_annotations(data['annotations'], ids, names)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'{path}: a category without id and name or an annotation without image_id and category_id ({error}); '
                'tools/data/class_statistics.py names the record'
            ) from None
    raise ValueError(
        f'{path} is neither a statistics file (keys image_count, instance_count, num_images) nor an LVIS or COCO '
        'annotation file (keys annotations, categories)'
    )
