"""Detections of a dataset as arrays -> records of the standard results file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Record = dict[str, Any]


def detection_records(
    detections: Iterable[Mapping[str, Any]], category_ids: Sequence[int], metric: str
) -> list[Record]:
    """Turn per-image arrays into COCO / LVIS result records.

    Args:
        detections: one mapping per image: `img_id`; `bboxes` (n, 4) float xyxy in pixels of the original image;
            `scores` (n,) float; `labels` (n,) int in [0, C); for 'segm' also `masks`, n compressed RLEs, and
            `mask_scores` (n,) where a detector ranks its masks by another score than its boxes.
        category_ids: C category ids, one per label.
        metric: 'bbox' writes `bbox` (xywh), 'segm' writes `segmentation` and no `bbox`, since the evaluators take
            the area of an object from its box wherever they find one.

    Returns:
        Records `image_id`, `category_id`, `score` and the geometry, in the order of `detections`.

    Raises:
        ValueError: no masks although 'segm' is asked for, or a label outside [0, C).

    Example:
        >>> image = dict(img_id=4, bboxes=np.array([[0, 0, 2, 5]]), scores=np.array([0.5]), labels=np.array([1]))
        >>> detection_records([image], category_ids=[10, 20], metric='bbox')
        [{'image_id': 4, 'category_id': 20, 'score': 0.5, 'bbox': [0.0, 0.0, 2.0, 5.0]}]
    """
    records: list[Record] = []
    for image in detections:
        check_labels(image['labels'], len(category_ids), image['img_id'])
        if metric == 'segm':
            if 'masks' not in image:
                raise ValueError(
                    f"metric 'segm' needs masks, but image {image['img_id']} was predicted without any; "
                    "ask for metric='bbox', or test a model with a mask head"
                )
            key, geometry, scores = 'segmentation', image['masks'], image.get('mask_scores', image['scores'])
        else:
            key, geometry, scores = 'bbox', _xyxy_to_xywh(image['bboxes']).tolist(), image['scores']
        for label, score, shape in zip(image['labels'].tolist(), scores.tolist(), geometry, strict=True):
            records.append(
                {'image_id': image['img_id'], 'category_id': category_ids[label], 'score': score, key: shape}
            )
    return records


def check_labels(labels: NDArray[np.integer], num_classes: int, img_id: int) -> None:
    """Raise where a label is no class.

    Args:
        labels: (n,) int labels of the model.
        num_classes: of the dataset.
        img_id: which image they are of, for the message.

    Raises:
        ValueError: a label outside [0, num_classes).
    """
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f'image {img_id} has a predicted label {int(labels.max())}, but the dataset has {num_classes} '
            "classes; set the heads' num_classes to the number of classes of the dataset"
        )


def _xyxy_to_xywh(boxes: np.ndarray) -> np.ndarray:
    boxes = boxes.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    return boxes
