"""A data set with something of everything that an audit finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NUM_IMAGES = 400
NAMES = ('person', 'dog', 'traffic light', 'Traffic_Lights', 'unicorn', '<b>cup</b>')


def make_records(split: str, counts: dict[str, int], names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Images that show a person each, and class k on the first `counts[k]` of them, two objects a class."""
    images = [{'id': i, 'height': 90, 'width': 90, 'file_name': f'{split}/{i}.jpg'} for i in range(NUM_IMAGES)]
    annotations = [
        {'id': 0, 'image_id': i, 'category_id': names.index(name) + 1, 'bbox': [5, 5, 20, 20], 'area': 400}
        for name, count in counts.items()
        for i in range(count)
        for _ in range(2)
    ]
    for number, annotation in enumerate(annotations):
        annotation['id'] = number + 1
    categories = [{'id': c + 1, 'name': name} for c, name in enumerate(names)]
    return {'images': images, 'annotations': annotations, 'categories': categories}


def write_splits(folder: Path) -> tuple[Path, Path]:
    """Write a training and a validation file."""
    train = make_records('train', dict(zip(NAMES, (NUM_IMAGES, 150, 60, 5, 0, 1), strict=True)))
    one = train['annotations'][0]
    for number, change in enumerate(
        ({'category_id': 99}, {'bbox': [1, 1, -2, 3]}, {'iscrowd': 1}, {'bbox': [1, 1, 0.5, 3]}, {'IsGroupOf': 1}), 1
    ):
        train['annotations'].append({**one, 'id': 90_000 + number, **change})
    val_names = (*NAMES[:5], 'cup')
    val = make_records('val', dict(zip(val_names, (30, 20, 0, 2, 3, 4), strict=True)), val_names)
    paths = folder / 'train.json', folder / 'val.json'
    for path, records in zip(paths, (train, val), strict=True):
        path.write_text(json.dumps(records))
    return paths
