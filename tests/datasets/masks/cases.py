"""Random masks of every kind, the pixels that mmdet makes of them, and random chains of transforms."""

from __future__ import annotations

import numpy as np
from mmdet.structures.mask import BitmapMasks
from pycocotools import mask as coco_mask


def random_polygon(rng, height, width):
    """A star whose center may lie outside of the image; one decimal makes ties of rounding frequent."""
    count = rng.integers(3, 40)
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    radius = np.exp(rng.normal(np.log(25), 1)) * (1 + 0.3 * rng.normal(size=count))
    center = rng.uniform(-10, [width + 10, height + 10])
    points = center + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return points.ravel().round(rng.integers(1, 3)).tolist()


def random_mask(rng, height, width):
    """One polygon, several, or an RLE with holes and blocks at the border, as text or as run lengths."""
    kind = rng.integers(4)
    if kind < 2:
        return [random_polygon(rng, height, width) for _ in range(1 + kind * rng.integers(1, 3))]
    blocks = (rng.random((height // 16 + 1, width // 16 + 1)) < 0.1).repeat(16, 0).repeat(16, 1)[:height, :width]
    pixels = blocks ^ rasterize([random_polygon(rng, height, width)], height, width).astype(bool)
    if kind == 2:
        counts = coco_mask.encode(np.asfortranarray(pixels, dtype=np.uint8))['counts'].decode()
    else:
        flat = np.concatenate([[False], pixels.ravel(order='F')])
        counts = np.diff(np.flatnonzero(flat[1:] != flat[:-1]), prepend=0, append=height * width).tolist()
    return {'size': [height, width], 'counts': counts}


def rasterize(mask, height, width):
    """Pixels as LoadAnnotations(poly2mask=True) makes them."""
    if isinstance(mask, list):
        mask = coco_mask.merge(coco_mask.frPyObjects(mask, height, width))
    elif isinstance(mask['counts'], list):
        mask = coco_mask.frPyObjects(mask, height, width)
    return coco_mask.decode(mask)


def random_image(rng):
    """Masks of one image, and the same in mmdet's pixels."""
    height, width = rng.integers(40, 400, 2).tolist()
    masks = [random_mask(rng, height, width) for _ in range(rng.integers(1, 6))]
    return masks, BitmapMasks([rasterize(mask, height, width) for mask in masks], height, width)


def random_step(rng, height, width):
    """A transform that is recorded, as the name and the arguments of a method."""
    direction = ('horizontal', 'vertical', 'diagonal')[rng.integers(3)]
    x1, y1 = rng.integers(-5, [width - 1, height - 1]).tolist()
    x2, y2 = rng.integers([max(x1, 0) + 1, max(y1, 0) + 1], [width + 5, height + 5]).tolist()
    steps = (
        ('rescale', (tuple(rng.integers(100, 700, 2).tolist()),)),
        ('resize', (tuple(rng.integers(30, 500, 2).tolist()),)),
        ('flip', (direction,)),
        ('pad', ((height + int(rng.integers(32)), width + int(rng.integers(32))),)),
        ('crop', (np.array([x1, y1, x2, y2]),)),
    )
    return steps[rng.integers(len(steps))]


def random_rois(rng, masks, count):
    """RoIs near the boxes of masks, some of them exactly these, rounded, or anywhere; and the mask of each."""
    owners = rng.integers(len(masks), size=count)
    boxes = masks.get_bboxes('hbox').tensor.numpy()[owners]
    sizes = np.tile(np.maximum(boxes[:, 2:] - boxes[:, :2], 1), 2)
    moved = boxes + rng.choice([0, 0.1, 0.5], (count, 1)) * sizes * rng.normal(size=(count, 4))
    moved[: count // 8] = rng.uniform(0, 400, (count // 8, 4))
    moved[count // 8 : count // 4] = moved[count // 8 : count // 4].round()
    corners = np.sort(moved.reshape(-1, 2, 2), axis=1)
    return corners.clip(0, [masks.width, masks.height]).reshape(-1, 4).astype(np.float32), owners
