"""Objects of a class, cut out of their images with what the detectors made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

from longtail_det.evaluation.lvis import Detections, GroundTruth

from .image_grid import DrawnInstances
from .samples import drawn_detections, drawn_objects, read_image

_OVERLAP = 0.3  # box IoU from which a detection is shown with the object
_MOST_DETECTIONS = 3
_CONTEXT = 0.5  # margin around the object, in sides of it
_LEAST_SIDE = 64  # pixels of a crop


@dataclass(frozen=True)
class GalleryCrop:
    """One object and the detections on it.

    Args:
        image: (H, W, 3) uint8 RGB, whole.
        window: left, top, right, bottom of the part that is shown, pixels.
        truth: the object.
        found: of each run the detections on the object, best first.
    """

    image: NDArray[np.uint8]
    window: tuple[int, int, int, int]
    truth: DrawnInstances
    found: Sequence[DrawnInstances]


def load_gallery_crops(
    gt: GroundTruth,
    runs: Sequence[Detections],
    image_paths: Mapping[int, Path],
    label: int,
    *,
    count: int = 4,
    score_threshold: float = 0.05,
    img_root: Path | None = None,
) -> list[GalleryCrop]:
    """Return the largest objects of a class, one an image, with the best detections on each.

    Args:
        gt: the objects.
        runs: the detections of each run, with boxes.
        image_paths: file of each image that was tested; objects on other images are left out.
        label: index of the class.
        count: objects, at most.
        score_threshold: in [0, 1]; detections below are not shown, nor more than 3 of a run on an object.
        img_root: folder of the images where it is not the one that `image_paths` name.

    Raises:
        FileNotFoundError: an image is not there.
    """
    crops = []
    for row in _largest_objects(gt, label, image_paths, count):
        image_id = int(gt.image_ids[gt.object_images[row]])
        image = read_image(image_paths[image_id], img_root)
        found = [
            drawn_detections(gt, detections, _detections_on(gt, detections, row, image_id, score_threshold))
            for detections in runs
        ]
        window = _window(gt.boxes[row], image.shape[0], image.shape[1])
        crops.append(GalleryCrop(image, window, drawn_objects(gt, np.array([row])), found))
    return crops


def _largest_objects(gt: GroundTruth, label: int, image_paths: Mapping[int, Path], count: int) -> list[int]:
    rows = np.flatnonzero((gt.labels == label) & ~gt.ignore)
    chosen: dict[int, int] = {}
    for row in rows[np.argsort(-gt.areas[rows], kind='stable')].tolist():
        image_id = int(gt.image_ids[gt.object_images[row]])
        if image_id in image_paths:
            chosen.setdefault(image_id, row)
        if len(chosen) == count:
            break
    return list(chosen.values())


def _detections_on(
    gt: GroundTruth, detections: Detections, row: int, image_id: int, score_threshold: float
) -> NDArray[np.int64]:
    """Return the best detections on an object, best first."""
    assert detections.boxes is not None
    rows = np.flatnonzero((detections.image_ids == image_id) & (detections.scores >= score_threshold))
    if not len(rows):
        return rows
    iou = mask_utils.iou(detections.boxes[rows], gt.boxes[[row]], [0])[:, 0]
    rows = rows[iou >= _OVERLAP]
    return rows[np.argsort(-detections.scores[rows], kind='stable')[:_MOST_DETECTIONS]]


def _window(box: NDArray[np.float64], height: int, width: int) -> tuple[int, int, int, int]:
    """Return a square around a box, moved into the image where it can be: left, top, right, bottom."""
    x, y, w, h = box.tolist()
    side = round(max((1 + 2 * _CONTEXT) * max(w, h), _LEAST_SIDE))
    spans = []
    for middle, length in ((x + w / 2, width), (y + h / 2, height)):
        low = min(max(round(middle - side / 2), 0), max(length - side, 0))
        spans.append((low, min(low + side, length)))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]
