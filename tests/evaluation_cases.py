"""A small LVIS file and a detector that is right most of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
import pytest

SIZE = 160
Detections = list[dict[str, Any]]


def rectangle(x: float, y: float, w: float, h: float) -> list[list[float]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def rle(polygons: list[list[float]]) -> dict[str, Any]:
    encoded = mask_utils.merge(mask_utils.frPyObjects(polygons, SIZE, SIZE))
    return {**encoded, 'counts': encoded['counts'].decode()}


@pytest.fixture
def make_gt() -> Callable[..., dict[str, Any]]:
    """An annotation file from (image_id, category_id, [x, y, w, h]) triples; LVIS fields unless federated=False."""

    def make(
        objects: list[tuple[int, int, list[float]]],
        frequency: str = 'rcf',
        num_images: int = 1,
        neg: dict[int, list[int]] | None = None,
        not_exhaustive: dict[int, list[int]] | None = None,
        federated: bool = True,
    ) -> dict[str, Any]:
        images: list[dict[str, Any]] = []
        for image_id in range(1, num_images + 1):
            images.append({'id': image_id, 'height': SIZE, 'width': SIZE})
            if federated:
                images[-1]['neg_category_ids'] = (neg or {}).get(image_id, [])
                images[-1]['not_exhaustive_category_ids'] = (not_exhaustive or {}).get(image_id, [])
        return {
            'images': images,
            'annotations': [
                {
                    'id': n,
                    'image_id': image_id,
                    'category_id': category_id,
                    'bbox': box,
                    'area': box[2] * box[3],
                    'segmentation': rectangle(*box),
                }
                for n, (image_id, category_id, box) in enumerate(objects, start=1)
            ],
            'categories': [
                {'id': c, 'name': f'class {c}', **({'frequency': group} if federated else {})}
                for c, group in enumerate(frequency, start=1)
            ],
        }

    return make


@pytest.fixture
def random_gt(make_gt: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """12 images, 6 classes, boxes from 6 to 120 pixels, federated fields in use."""
    rng = np.random.default_rng(0)
    objects = []
    for image_id in range(1, 13):
        for _ in range(rng.integers(0, 7)):
            w, h = rng.uniform(6, 120, 2)
            x, y = rng.uniform(0, SIZE - w), rng.uniform(0, SIZE - h)
            objects.append((image_id, int(rng.integers(1, 7)), [float(v) for v in (x, y, w, h)]))
    neg = {i: [int(c) for c in rng.choice(np.arange(1, 7), 2, replace=False)] for i in range(1, 13)}
    return make_gt(objects, 'rrccff', 12, neg=neg, not_exhaustive={i: [i % 6 + 1] for i in range(1, 13, 3)})


@pytest.fixture
def as_detections() -> Callable[..., Detections]:
    """Ground truth as a detector finds it: `jitter` pixels off, labels wrong with probability `confusion`."""

    def make(gt: dict[str, Any], jitter: float = 0.0, confusion: float = 0.0, noise: int = 0) -> Detections:
        rng = np.random.default_rng(1)
        num_classes = len(gt['categories'])
        found = []
        for image in gt['images']:
            boxes, labels = [], []
            for ann in gt['annotations']:
                if ann['image_id'] == image['id']:
                    boxes.append(np.array(ann['bbox']) + rng.uniform(-jitter, jitter, 4))
                    wrong = rng.uniform() < confusion
                    labels.append(rng.integers(num_classes) if wrong else ann['category_id'] - 1)
            for _ in range(noise):
                boxes.append(np.array([*rng.uniform(0, SIZE / 2, 2), *rng.uniform(5, SIZE / 2, 2)]))
                labels.append(rng.integers(num_classes))
            xywh = np.array(boxes).reshape(-1, 4)
            xywh[:, 2:] = np.maximum(xywh[:, 2:], 1)
            found.append(
                {
                    'img_id': image['id'],
                    'bboxes': np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
                    'scores': rng.uniform(0.05, 1, len(xywh)).round(2),  # rounded, so that there are ties
                    'labels': np.array(labels, dtype=np.int64),
                    'masks': [rle(rectangle(*box)) for box in xywh],
                }
            )
        return found

    return make


@pytest.fixture
def lvis_case() -> Callable[..., tuple[dict[str, Any], Detections]]:
    """A file and result records that hold whatever is allowed: see `_objects` and `_records`."""

    def make(
        seed: int, num_images: int = 12, num_classes: int = 8, max_detections: int = 60
    ) -> tuple[dict[str, Any], Detections]:
        rng = np.random.default_rng(seed)
        images = [
            {
                'id': int(image_id),
                'height': SIZE,
                'width': SIZE,
                'neg_category_ids': rng.choice(num_classes, 2, replace=False).tolist(),
                'not_exhaustive_category_ids': rng.choice(num_classes, rng.integers(3), replace=False).tolist(),
            }
            for image_id in 7 * rng.permutation(1000)[:num_images] + 1
        ]
        annotations, records = [], []
        for image in images:
            objects = _objects(rng, image['id'], num_classes)
            annotations += objects
            records += _records(rng, image['id'], objects, num_classes, int(rng.integers(max_detections)))
        rng.shuffle(annotations)
        rng.shuffle(records)
        for number, annotation in enumerate(annotations, start=1):
            annotation['id'] = number
        categories = [
            {'id': c, 'name': f'class {c}', 'frequency': 'rcf'[c % 3]} for c in rng.permutation(num_classes).tolist()
        ]
        return {'images': images, 'annotations': annotations, 'categories': categories}, records

    return make


def _objects(rng: np.random.Generator, image_id: int, num_classes: int) -> Detections:
    """Up to 13 objects, maybe none: polygons and both kinds of RLE, `ignore`, `iscrowd`, areas of zero."""
    objects = []
    for _ in range(rng.integers(14)):
        w, h = np.exp(rng.uniform(np.log(3), np.log(150), 2))
        box = [float(v) for v in (rng.uniform(0, SIZE - w), rng.uniform(0, SIZE - h), w, h)]
        polygons: Any = _polygon(rng, box)
        kind = rng.choice(['polygons', 'rle', 'runs'], p=[0.7, 0.2, 0.1])
        shape = {'polygons': polygons, 'rle': rle(polygons), 'runs': _runs(polygons)}[kind]
        category_id = int(rng.integers(num_classes - 1))  # the last class has no object
        area = 0.0 if rng.random() < 0.05 else w * h
        annotation = {'image_id': image_id, 'category_id': category_id, 'bbox': box, 'area': area}
        annotation['segmentation'] = shape
        if rng.random() < 0.2:
            annotation['ignore'] = int(rng.integers(2))
        if rng.random() < 0.1:
            annotation['iscrowd'] = 1
        objects.append(annotation)
    return objects


def _records(rng: np.random.Generator, image_id: int, objects: Detections, num_classes: int, count: int) -> Detections:
    """Detections on and beside the objects: tied scores, boxes and masks without area, wrong classes."""
    records = []
    for _ in range(count):
        if objects and rng.random() < 0.6:
            target = objects[rng.integers(len(objects))]
            box = np.array(target['bbox']) + rng.normal(0, 1, 4) * rng.choice([0, 0.5, 3, 6])
            category_id = target['category_id'] if rng.random() < 0.8 else int(rng.integers(num_classes))
        else:
            box = np.array([*rng.uniform(0, SIZE / 2, 2), *rng.uniform(0, 70, 2)])
            category_id = int(rng.integers(num_classes))
        box[2:] = np.maximum(box[2:], 0) * (rng.random() > 0.03)
        records.append(
            {
                'image_id': image_id,
                'category_id': category_id,
                'score': float(rng.uniform().__round__(2)),
                'bbox': box.tolist(),
                'segmentation': rle(_polygon(rng, box.tolist())),
            }
        )
    return records


def _polygon(rng: np.random.Generator, box: list[float]) -> list[list[float]]:
    x, y, w, h = box
    if rng.random() < 0.5:
        return rectangle(x, y, w, h)
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return [np.stack([x + w / 2 * (1 + np.cos(angle)), y + h / 2 * (1 + np.sin(angle))], axis=1).ravel().tolist()]


def _runs(polygons: list[list[float]]) -> dict[str, Any]:
    pixels = mask_utils.decode(rle(polygons)).ravel(order='F')
    edges = np.flatnonzero(np.diff(pixels, prepend=0)).tolist()
    return {'size': [SIZE, SIZE], 'counts': np.diff([0, *edges, SIZE * SIZE]).tolist()}
