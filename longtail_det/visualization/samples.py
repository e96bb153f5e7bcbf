"""Annotations and detections -> the images of a grid."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray
from PIL import Image, ImageOps

from longtail_det.evaluation import Detections, GroundTruth

from .image_grid import DrawnInstances, GridSample

_MOST_PREDICTIONS = 30


def choose_images(gt: GroundTruth, img_ids: Collection[int], count: int) -> list[int]:
    """Select images that show rare, common and frequent classes in turn, the same ones every time.

    Args:
        gt: the objects.
        img_ids: the images to choose from.
        count: how many, at most.

    Returns:
        Ids of images with at least one object, in the order of choosing.
    """
    allowed = set(img_ids)
    groups = [''] * len(gt.labels) if gt.groups is None else gt.groups[gt.labels].tolist()
    images = gt.image_ids[gt.object_images].tolist()
    shown = sorted({(image, group) for image, group in zip(images, groups, strict=True) if image in allowed})
    queues = [[image_id for image_id, shows in shown if shows == group] for group in ('r', 'c', 'f', '')]
    chosen: list[int] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            while queue and queue[0] in chosen:
                queue.pop(0)
            if queue and len(chosen) < count:
                chosen.append(queue.pop(0))
    return chosen


def load_grid_samples(
    gt: GroundTruth,
    detections: Detections,
    image_paths: Mapping[int, Path],
    *,
    count: int = 8,
    score_threshold: float = 0.3,
    img_root: Path | None = None,
) -> list[GridSample]:
    """Return images with their annotations and detections.

    Args:
        gt: the objects; their masks are drawn where they were read.
        detections: with boxes; their masks are drawn where there are any.
        image_paths: file of each image that was tested.
        count: how many images, at most.
        score_threshold: in [0, 1]; detections below are not drawn, nor more than the 30 best of an image.
        img_root: folder of the images where it is not the one that `image_paths` name.

    Returns:
        Samples for `plot_image_grid`, spread over the frequency groups; empty where no image has an object.

    Raises:
        FileNotFoundError: an image is not there.
    """
    samples = []
    for image_id in choose_images(gt, image_paths, count):
        found = np.flatnonzero(detections.image_ids == image_id)
        found = found[np.argsort(-detections.scores[found], kind='stable')[:_MOST_PREDICTIONS]]
        found = found[detections.scores[found] >= score_threshold]
        samples.append(
            GridSample(
                read_image(image_paths[image_id], img_root),
                drawn_objects(gt, objects_of_image(gt, image_id)),
                drawn_detections(gt, detections, found),
                str(image_id),
            )
        )
    return samples


def objects_of_image(gt: GroundTruth, image_id: int) -> NDArray[np.int64]:
    """Return the rows of the objects on an image, in the order of the file."""
    image = gt.image_rows([image_id])[0]
    first, last = np.searchsorted(gt.object_images, [image, image + 1])
    rows = np.arange(first, last)
    return rows[np.argsort(gt.segmentation_rows[rows], kind='stable')]


def drawn_objects(gt: GroundTruth, rows: NDArray[np.int64]) -> DrawnInstances:
    """Return some annotated objects, ready to be drawn."""
    has_masks = len(gt.segmentations) > 0 and len(rows) > 0
    masks = _decode([gt.rle(row) for row in rows.tolist()]) if has_masks else None
    return _drawn(gt, gt.labels[rows], gt.boxes[rows], masks=masks)


def drawn_detections(gt: GroundTruth, detections: Detections, rows: NDArray[np.int64]) -> DrawnInstances:
    """Return some detections, ready to be drawn; those of a class that `gt` does not hold are left out."""
    assert detections.boxes is not None
    labels, known = gt.find_classes(detections.category_ids[rows])
    rows, labels = rows[known], labels[known]
    masks = None
    if detections.masks is not None and len(rows):
        masks = _decode([detections.masks[row] for row in rows.tolist()])
    return _drawn(gt, labels, detections.boxes[rows], masks=masks, scores=detections.scores[rows])


def read_image(path: Path, img_root: Path | None = None) -> NDArray[np.uint8]:
    """Read an image as (H, W, 3) RGB, turned as its camera says.

    Args:
        path: the file.
        img_root: folder to look in instead, under the last two parts of `path` or the last one.

    Raises:
        FileNotFoundError: it is not there.
    """
    if img_root is not None:
        inside = [img_root / Path(*path.parts[-depth:]) for depth in (2, 1)]
        path = next((candidate for candidate in inside if candidate.is_file()), inside[-1])
    if not path.is_file():
        raise FileNotFoundError(f'image not found: {path}; give the folder of the images with --img-root')
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert('RGB'))


def _drawn(gt: GroundTruth, labels: NDArray[np.int64], xywh: NDArray[np.float64], **rest: Any) -> DrawnInstances:
    boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    groups = [''] * len(labels) if gt.groups is None else gt.groups[labels].tolist()
    return DrawnInstances(boxes, [gt.names[label] for label in labels.tolist()], groups, **rest)


def _decode(rles: Sequence[Any]) -> NDArray[np.bool_]:
    return mask_utils.decode(list(rles)).transpose(2, 0, 1).astype(bool)
