"""Predicted images, as a test dumps them -> columns of detections."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .detection_rows import is_rle
from .detections import Detections
from .rle_column import rles_fit

_NEEDED = ('bboxes', 'scores', 'labels')


def predicted_columns(
    predictions: Sequence[Mapping[str, Any]], category_ids: Sequence[int], metric: str = 'bbox'
) -> Detections:
    """Read predicted images, as tools/test.py --out and mmdet's DumpDetResults leave them.

    Args:
        predictions: one mapping per image with `img_id` and `pred_instances`: `bboxes` (n, 4) xyxy in pixels, `scores`
            (n,), `labels` (n,), maybe `masks`, n RLEs, and `mask_scores` (n,). Of an image that is there twice the
            first counts.
        category_ids: category of each label of the model.
        metric: 'bbox', or 'segm' and 'boundary', which rank by `mask_scores` where there are any.

    Returns:
        The detections of all images, `masks` None where an image has none.

    Raises:
        ValueError: something else than a predicted image, named by its index, or a label beyond `category_ids`.
    """
    ids = np.asarray(category_ids, dtype=np.int64)
    images: dict[int, tuple[NDArray[Any], ...]] = {}
    masks: list[Any] = []
    has_masks = True
    for index, image in enumerate(predictions):
        found = _checked(image, index)
        if image['img_id'] in images:
            continue
        labels, scores, boxes = _columns(found, metric, f'predicted image {index}', len(ids))
        images[image['img_id']] = ids[labels], scores, boxes
        has_masks = has_masks and 'masks' in found
        masks.extend(found.get('masks', ()))
    counts = [len(column[0]) for column in images.values()]
    empty: tuple[NDArray[Any], ...] = (np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)))
    categories, all_scores, all_boxes = (np.concatenate(column) for column in zip(empty, *images.values(), strict=True))
    image_ids = np.repeat(np.fromiter(images, np.int64, len(images)), np.array(counts, dtype=np.int64))
    return Detections(image_ids, categories, all_scores, all_boxes, masks if has_masks else None)


def _checked(image: Any, index: int) -> Mapping[str, Any]:
    found = image.get('pred_instances') if isinstance(image, Mapping) else None
    if not isinstance(found, Mapping) or not is_id(image.get('img_id')):
        raise ValueError(
            f'predicted image {index} has no img_id or no pred_instances; expected what tools/test.py --out writes'
        )
    missing = [key for key in _NEEDED if key not in found]
    if missing:
        raise ValueError(f'predicted image {index} has no {missing[0]!r}; expected {list(_NEEDED)} in pred_instances')
    return found


def is_id(value: Any) -> bool:
    """Return whether a value is a whole number that fits in int64.

    Args:
        value: of a record, anything.
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and abs(int(value)) < 2**63


def _columns(
    found: Mapping[str, Any], metric: str, where: str, num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Labels, scores and boxes of an image, checked."""
    key = 'scores' if metric == 'bbox' or 'mask_scores' not in found else 'mask_scores'
    labels = _numbers(found['labels'], 'iu', where, 'labels').astype(np.int64)
    scores, boxes = (_numbers(found[name], 'iuf', where, name).astype(np.float64) for name in (key, 'bboxes'))
    boxes = boxes.reshape(-1, 4) if boxes.size == 0 else boxes
    masks = found.get('masks', [None] * len(labels))
    if not isinstance(masks, Sequence):
        raise ValueError(f'{where} has masks of type {type(masks).__name__}; expected a list of RLEs')
    if len(masks) != len(labels):
        raise ValueError(f'{where} has {len(labels)} labels and {len(masks)} masks; expected an RLE for each label')
    wrong = _wrong_mask(masks) if 'masks' in found else None
    if wrong is not None:
        raise ValueError(
            f'{where} has a mask {wrong!r:.80}; expected an RLE with size [height, width] and counts that add up to it'
        )
    if boxes.shape != (len(labels), 4) or scores.shape != labels.shape:
        raise ValueError(f'{where} has {len(labels)} labels, {len(scores)} {key} and bboxes of shape {boxes.shape}')
    if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
        raise ValueError(f'{where} has a score or a box that is not finite')
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f'{where} has a predicted label {labels.max()}, but there are {num_classes} classes; '
            'give --ann the file that the model was tested on'
        )
    return labels, scores, np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _wrong_mask(masks: Sequence[Any]) -> Any:
    """Return the first mask that cannot be decoded; None where all can."""
    wrong = next((mask for mask in masks if not is_rle(mask)), None)
    if wrong is not None or not masks:
        return wrong
    try:
        fit = rles_fit([mask['counts'] for mask in masks], [mask['size'] for mask in masks])
    except struct.error:  # a side of more than 32 bits
        return max(masks, key=lambda mask: max(map(abs, mask['size'])))
    return None if fit.all() else masks[int(np.argmin(fit))]


def _numbers(values: Any, kinds: str, where: str, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f'{where} has {name} that are no array ({error})') from None
    if (array.size and array.dtype.kind not in kinds) or (name != 'bboxes' and array.ndim != 1):
        raise ValueError(f'{where} has {name} of dtype {array.dtype} and shape {array.shape}; expected one number each')
    return array
