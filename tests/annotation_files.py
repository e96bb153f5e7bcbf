"""Small annotation files in the formats of LVIS v0.5, LVIS v1 and COCO, with everything that real ones hold."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

Records = dict[str, Any]

HEIGHT, WIDTH = 60, 80
CATEGORY_IDS = (2, 3, 7, 11)
NAMES = ('cat', 'dog', 'tree', 'street_sign')
#: filter_cfg of a dataset
FILTERS = [None, {'filter_empty_gt': True, 'min_size': 32}, {'min_size': 21}, {'min_size': 20}]


def box_polygon(x: float, y: float, w: float, h: float) -> list[float]:
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def compressed_rle(x: int, y: int, w: int, h: int) -> Records:
    bitmap = np.zeros((HEIGHT, WIDTH), dtype=np.uint8, order='F')
    bitmap[y : y + h, x : x + w] = 1
    rle = coco_mask.encode(bitmap)
    return {'size': rle['size'], 'counts': rle['counts'].decode()}


def uncompressed_rle(x: int, y: int, w: int, h: int) -> Records:
    bitmap = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    bitmap[y : y + h, x : x + w] = 1
    flat = bitmap.flatten(order='F')
    ends = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    counts = np.diff(ends).tolist()
    return {'size': [HEIGHT, WIDTH], 'counts': [0, *counts] if flat[0] else counts}


def annotation(annotation_id: int, image_id: int, category_id: int, box: tuple[float, ...], **more: Any) -> Records:
    record = {
        'id': annotation_id,
        'image_id': image_id,
        'category_id': category_id,
        'bbox': list(box),
        'area': box[2] * box[3],
        'segmentation': [box_polygon(*box)],
    }
    return {**record, **more}


def image(image_id: int, style: str = 'v1', **more: Any) -> Records:
    record: Records = {'id': image_id, 'height': HEIGHT, 'width': WIDTH}
    if style == 'v1':
        folder = 'val2017' if image_id % 4 == 0 else 'train2017'
        record['coco_url'] = f'http://images.cocodataset.org/{folder}/{image_id:012d}.jpg'
    else:
        record['file_name'] = f'COCO_val2014_{image_id:012d}.jpg' if style == 'v0.5' else f'{image_id:012d}.jpg'
    if style != 'coco':
        record |= {'neg_category_ids': [3], 'not_exhaustive_category_ids': []}
    return {**record, **more}


def categories() -> list[Records]:
    return [{'id': i, 'name': name} for i, name in zip(CATEGORY_IDS, NAMES, strict=True)]


def make_records(style: str = 'v1', num_images: int = 9, seed: int = 0) -> Records:
    """A file whose annotations come in random order; the last image but one is empty, one image is small."""
    rng = np.random.default_rng(seed)
    images = [image(int(i), style) for i in rng.permutation(np.arange(100, 100 + num_images))]
    images[1] |= {'height': 20, 'width': 24}
    annotations = []
    for number in range(6 * num_images):
        at = images[rng.integers(num_images)]
        if at is images[-2]:
            continue
        box = (*rng.uniform(0, 12, 2).round(2), *rng.uniform(1, 11, 2).round(2))
        annotations.append(
            annotation(1000 + number, at['id'], int(rng.choice(CATEGORY_IDS, p=(0.5, 0.3, 0.15, 0.05))), box)
        )
    rng.shuffle(annotations)
    return {'info': {}, 'annotations': annotations, 'images': images, 'licenses': [], 'categories': categories()}


def with_oddities(records: Records) -> Records:
    """Crowd, ignored and tiny annotations: no mistakes, real files hold them."""
    first = records['images'][0]['id']
    alone = records['images'][-2]['id']
    records['annotations'] += [
        annotation(1, first, 2, (4, 4, 10, 10), iscrowd=1, segmentation=uncompressed_rle(4, 4, 10, 10)),
        annotation(2, first, 3, (4, 4, 10, 10), ignore=1),
        annotation(3, first, 7, (4, 4, 0.5, 10)),
        annotation(4, first, 7, (4, 4, 0, 0)),
        annotation(5, first, 7, (4, 4, 8, 8), area=0),
        annotation(6, alone, 3, (5, 5, 0.2, 3), iscrowd=1),
        annotation(7, first, 11, (-3.5, -2.25, 12, 12)),
        annotation(8, first, 11, (4, 4, 1, 10)),
    ]
    return records


BOX = (10, 5, 30, 20)
AT_THE_EDGE = (WIDTH - 1, HEIGHT - 1, 30, 20)


def good_records() -> Records:
    """A file without a flaw."""
    return {
        'images': [image(1), image(2)],
        'annotations': [annotation(i, 1 + i % 2, 3, BOX) for i in range(4)] + [annotation(4, 1, 3, AT_THE_EDGE)],
        'categories': categories(),
    }


@pytest.fixture(scope='session', autouse=True)
def _freeze_the_imports():
    """mmengine collects garbage for each dataset that it opens; a second each with all of mmdet to look through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def write(tmp_path) -> Callable[..., str]:
    """Write records to a json file, and an empty file for each image at the place where it belongs."""

    def write_file(records: Any, name: str = 'train.json', with_images: bool = True) -> str:
        path = tmp_path / name
        path.write_text(json.dumps(records))
        for record in records['images'] if with_images else ():
            if not isinstance(record, dict) or not {'file_name', 'coco_url'} & record.keys():
                continue
            name = record.get('file_name') or '/'.join(record['coco_url'].split('/')[-2:])
            target = tmp_path / (name[-16:] if name.startswith('COCO') else name)
            target.parent.mkdir(exist_ok=True)
            target.touch()
        return str(path)

    return write_file


@pytest.fixture
def load(write, tmp_path) -> Callable[..., Any]:
    """Write records and open them as one of our datasets."""
    pytest.importorskip('mmdet')
    from longtail_det.datasets import LVISDataset

    def open_records(records: Any, **options: Any) -> Any:
        return LVISDataset(ann_file=write(records), data_root=str(tmp_path) + '/', **options)

    return open_records


def all_info(dataset: Any) -> list[Records]:
    return [dataset.get_data_info(index) for index in range(len(dataset))]
