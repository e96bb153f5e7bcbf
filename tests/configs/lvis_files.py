"""LVIS-format files with a full vocabulary and a handful of small images, where a config looks for its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.config import Config

from .zoo import innermost

#: divisor of the image sizes of the pipelines: 1333 x 800 becomes 133 x 80
SHRINK = 10
WIDTH, HEIGHT = 120, 90


def use_small_data(cfg: Config, root: Path) -> None:
    """Write train and val files below a folder and point the config there, with images of a tenth of the size."""
    for loader, first in ((cfg.train_dataloader, 1), (cfg.val_dataloader, 101)):
        dataset = innermost(loader.dataset)
        folder = root / Path(dataset.data_root).name
        write_files(folder / dataset.ann_file, folder / dataset.data_prefix.img, cfg.num_classes, first)
        dataset.data_root = str(folder)
        shrink(dataset.pipeline)
        loader.num_workers = 0
        loader.persistent_workers = False
    cfg.val_evaluator.ann_file = str(folder / dataset.ann_file)


def shrink(transforms: Any) -> None:
    """Divide every image size of a pipeline."""
    for transform in transforms:
        for policy in transform.get('transforms', ()):
            shrink(policy)
        if 'crop_size' in transform:
            transform.crop_size = tuple(side // SHRINK for side in transform.crop_size)
        if 'scale' in transform:
            transform.scale = tuple(side // SHRINK for side in transform.scale)
        if 'scales' in transform:
            transform.scales = [tuple(side // SHRINK for side in scale) for scale in transform.scales]


def write_files(ann_file: Path, image_folder: Path, num_classes: int, first_id: int) -> None:
    """Six images of three rectangles each; every class of the vocabulary is a category, few are shown."""
    generator = np.random.default_rng(first_id)
    records: dict[str, list[dict[str, Any]]] = {'images': [], 'annotations': [], 'categories': []}
    shown = generator.choice(num_classes, size=(6, 3), replace=False) + 1
    for index, categories in enumerate(shown.tolist()):
        image_id = first_id + index
        name = f'train2017/{image_id:012}.jpg'
        pixels = generator.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        # LVIS v1 has the folder in coco_url, v0.5 has it in the config
        for path in (image_folder / name, image_folder / Path(name).name):
            path.parent.mkdir(parents=True, exist_ok=True)
            mmcv.imwrite(pixels, str(path))
        key = {'coco_url': f'http://images/{name}'} if 'v1' in ann_file.name else {'file_name': Path(name).name}
        fields = dict(height=HEIGHT, width=WIDTH, neg_category_ids=[], not_exhaustive_category_ids=[])
        records['images'].append(dict(id=image_id, **fields, **key))
        for column, category in enumerate(categories):
            x, y, w, h = 5 + 35 * column, 10, 30, 30 + 15 * column
            corners = [x, y, x + w, y, x + w, y + h, x, y + h]
            number = len(records['annotations']) + 1
            box = dict(bbox=[x, y, w, h], area=w * h, segmentation=[corners], iscrowd=0)
            records['annotations'].append(dict(id=number, image_id=image_id, category_id=category, **box))
    counts = np.bincount(shown.ravel(), minlength=num_classes + 1).tolist()
    for category in range(1, num_classes + 1):
        count = dict(image_count=counts[category], instance_count=counts[category], frequency='rcf'[category % 3])
        records['categories'].append(dict(id=category, name=f'class_{category}', synset=f's{category}', **count))
    ann_file.parent.mkdir(parents=True, exist_ok=True)
    ann_file.write_text(json.dumps(records))
