"""Ground truth and detections with the shape of LVIS, image by image, so that any number of them fits in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

HEIGHT, WIDTH = 480, 640
_OBJECTS_PER_IMAGE = 12.4  # LVIS v1 val: 244 707 annotations on 19 809 images
_CLASSES_PER_IMAGE = 3.6
_NEGATIVES_PER_IMAGE = 20
_ZIPF_EXPONENT = 1.0
_POLYGON_POINTS = 45  # about as many make LVIS v1 val's file as large as it is
_NUM_SHAPES = 1500
_JITTERS = 4  # detections of an object: shapes beside its own


class Shapes(NamedTuple):
    """A stock of objects and of what a detector makes of each; K shapes, J jitters of each."""

    boxes: NDArray[np.float64]  # (K, 1 + J, 4) xywh
    polygons: list[list[float]]  # of the objects
    rles: list[list[dict[str, Any]]]  # K x (1 + J)


class LVISLike:
    """A dataset of images that are drawn when they are asked for, always the same.

    Args:
        num_images: images.
        num_classes: classes.
        num_detections: detections of each image.
    """

    def __init__(self, num_images: int, num_classes: int, num_detections: int) -> None:
        self.num_images, self.num_classes, self.num_detections = num_images, num_classes, num_detections
        self.shapes = _draw_shapes(np.random.default_rng(0))
        share = np.arange(1, num_classes + 1) ** -_ZIPF_EXPONENT
        self._cumulative = np.cumsum(share / share.sum())
        count = (3e4 * share).astype(int)
        self.categories = [
            {'id': c + 1, 'name': f'class {c}', 'frequency': 'r' if n <= 10 else 'c' if n <= 100 else 'f'}
            for c, n in enumerate(count.tolist())
        ]

    def truth(self, image: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The record of an image and those of its objects."""
        record, objects, shapes = self.objects(image)
        masks = ({'segmentation': [self.shapes.polygons[shape]]} for shape in shapes)
        return record, [{**found, **mask} for found, mask in zip(objects, masks, strict=True)]

    def objects(self, image: int) -> tuple[dict[str, Any], list[dict[str, Any]], list[int]]:
        """The same with the numbers of the shapes instead of the masks."""
        labels, shapes, negatives, not_exhaustive = self._truth(image)
        record = {
            'id': image + 1,
            'height': HEIGHT,
            'width': WIDTH,
            'neg_category_ids': (negatives + 1).tolist(),
            'not_exhaustive_category_ids': (not_exhaustive + 1).tolist(),
        }
        annotations = []
        for number, (label, shape) in enumerate(zip(labels.tolist(), shapes.tolist(), strict=True)):
            box = self.shapes.boxes[shape, 0].tolist()
            annotations.append(
                {
                    'id': image * 1000 + number + 1,
                    'image_id': image + 1,
                    'category_id': label + 1,
                    'bbox': box,
                    'area': 0.75 * box[2] * box[3],
                }
            )
        return record, annotations, shapes.tolist()

    def found(self, image: int) -> dict[str, Any]:
        """Detections of an image: labels, float32 scores, float64 xywh boxes, RLE masks."""
        labels, shapes, _, _ = self._truth(image)
        generator = np.random.default_rng([2, image])
        share = len(labels) * _JITTERS
        right = np.repeat(labels, _JITTERS)
        confused = generator.random(share) < 0.3
        right[confused] = self._labels(generator, int(confused.sum()))
        rest = max(self.num_detections - share, 0)
        found_labels = np.concatenate([right, self._labels(generator, rest)])[: self.num_detections]
        base = np.concatenate([np.repeat(shapes, _JITTERS), generator.integers(_NUM_SHAPES, size=rest)])
        jitter = generator.integers(1 + _JITTERS, size=len(base))
        scores = np.concatenate([generator.beta(2, 3, share), generator.beta(1, 12, rest)]).astype(np.float32)
        pick = np.argsort(-scores[: self.num_detections], kind='stable')
        base, jitter = base[pick], jitter[pick]
        return {
            'img_id': image + 1,
            'labels': found_labels[pick],
            'scores': scores[pick],
            'boxes': self.shapes.boxes[base, jitter].astype(np.float32).astype(np.float64),
            'masks': [self.shapes.rles[b][j] for b, j in zip(base.tolist(), jitter.tolist(), strict=True)],
        }

    def records(self, image: int) -> list[dict[str, Any]]:
        """The same as result records."""
        found = self.found(image)
        columns = (found['labels'].tolist(), found['scores'].tolist(), found['boxes'].tolist(), found['masks'])
        return [
            {'image_id': found['img_id'], 'category_id': label + 1, 'score': score, 'bbox': box, 'segmentation': mask}
            for label, score, box, mask in zip(*columns, strict=True)
        ]

    def annotations(self) -> dict[str, Any]:
        """The annotation file in memory."""
        images, annotations = [], []
        for image in range(self.num_images):
            record, objects = self.truth(image)
            images.append(record)
            annotations += objects
        return {'images': images, 'annotations': annotations, 'categories': self.categories}

    def write(self, path: Path) -> None:
        """The annotation file on disk, written image by image."""
        with path.open('w') as file:
            file.write(f'{{"categories": {json.dumps(self.categories)}, "images": [')
            file.write(', '.join(json.dumps(self.truth(image)[0]) for image in range(self.num_images)))
            file.write('], "annotations": [')
            for number, line in enumerate(self._annotation_lines()):
                file.write(f', {line}' if number else line)
            file.write(']}')

    def _annotation_lines(self) -> Iterator[str]:
        for image in range(self.num_images):
            for annotation in self.truth(image)[1]:
                yield json.dumps(annotation)

    def _truth(self, image: int) -> tuple[NDArray[np.int64], ...]:
        generator = np.random.default_rng([1, image])
        classes = np.unique(self._labels(generator, 1 + int(generator.poisson(_CLASSES_PER_IMAGE - 1))))
        labels = generator.choice(classes, 1 + int(generator.poisson(_OBJECTS_PER_IMAGE - 1)))
        negatives = np.setdiff1d(generator.integers(self.num_classes, size=_NEGATIVES_PER_IMAGE), classes)
        not_exhaustive = labels[:1] if generator.random() < 0.3 else labels[:0]
        return labels, generator.integers(_NUM_SHAPES, size=len(labels)), negatives, not_exhaustive

    def _labels(self, generator: np.random.Generator, count: int) -> NDArray[np.int64]:
        return np.searchsorted(self._cumulative, generator.random(count) * self._cumulative[-1])


def _draw_shapes(generator: np.random.Generator) -> Shapes:
    """Blobs of 8 to 400 pixels, most of them small as in LVIS."""
    boxes, polygons, rles = np.empty((_NUM_SHAPES, 1 + _JITTERS, 4)), [], []
    angles = np.linspace(0, 2 * np.pi, _POLYGON_POINTS, endpoint=False)
    for shape in range(_NUM_SHAPES):
        size = np.exp(generator.uniform(np.log(8), np.log(400), 2)).clip(max=[WIDTH - 2, HEIGHT - 2])
        center = generator.uniform(size / 2, np.array([WIDTH, HEIGHT]) - size / 2)
        radius = generator.uniform(0.7, 1, _POLYGON_POINTS)
        masks = []
        for jitter in range(1 + _JITTERS):
            shift = generator.normal(0, 0.06, 2) * size * (jitter > 0)
            scale = np.exp(generator.normal(0, 0.08, 2) * (jitter > 0))
            points = radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1) * size * scale / 2
            points = (points + center + shift).clip(0, [WIDTH, HEIGHT]).round(2)
            low, high = points.min(axis=0), points.max(axis=0)
            boxes[shape, jitter] = [*low, *(high - low).round(2)]
            rle = mask_utils.merge(mask_utils.frPyObjects([points.ravel().tolist()], HEIGHT, WIDTH))
            masks.append({**rle, 'counts': rle['counts'].decode()})
            if not jitter:
                polygons.append(points.ravel().tolist())
        rles.append(masks)
    return Shapes(boxes, polygons, rles)
