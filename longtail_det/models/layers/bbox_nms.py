"""mmdet's `multiclass_nms` at a cost that hardly grows with the number of classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmcv.ops import nms
from mmdet.models.layers import multiclass_nms as mmdet_multiclass_nms
from torch import Tensor

from longtail_det.functional.ops import first_survivors, spread_classes, suppress_within_classes

#: keys of an `nms_cfg` whose meaning is known here; with any other the whole work is mmdet's
_PLAIN_KEYS = {'type', 'iou_threshold', 'class_agnostic', 'split_thr'}
#: mmcv's default: from so many candidates on it runs NMS class by class
_SPLIT_THR = 10000

Detections = tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]


def multiclass_nms(
    multi_bboxes: Tensor,
    multi_scores: Tensor,
    score_thr: float,
    nms_cfg: Mapping[str, Any] | None,
    max_num: int = -1,
    score_factors: Tensor | None = None,
    return_inds: bool = False,
    box_dim: int = 4,
) -> Detections:
    """Return the survivors of greedy NMS of each class, equal bit by bit to mmdet's function of this name.

    Equal scores go by RoI, then class. mmcv's own order of them is open in compiled ops and fixed, the same, in ours.
    Anything but plain NMS (`type='nms'` with `iou_threshold` and no more than `class_agnostic` and `split_thr`, and a
    positive `max_num`) is handed to mmdet.

    Args:
        multi_bboxes: (N, 4 C) or (N, 4) boxes x1, y1, x2, y2.
        multi_scores: (N, C + 1), last column background.
        score_thr: each (RoI, class) with a score above it takes part.
        nms_cfg: mmdet's settings of the NMS.
        max_num: detections wanted; -1: all.
        score_factors: (N,) factors on the scores, applied after the threshold; or None.
        return_inds: also give the index of each detection.
        box_dim: numbers per box.

    Returns:
        (K, 5) boxes with scores by descending score, (K,) int64 labels, and, if wanted, (K,) int64 index n * C + c.
    """
    if nms_cfg is None or not is_plain_nms(nms_cfg, max_num) or box_dim != 4 or torch.onnx.is_in_onnx_export():
        return mmdet_multiclass_nms(
            multi_bboxes, multi_scores, score_thr, nms_cfg, max_num, score_factors, return_inds, box_dim
        )
    num_classes = multi_scores.size(1) - 1
    scores, valid = _scores(multi_scores, score_thr, score_factors)
    agnostic = multi_bboxes.size(1) == box_dim
    boxes = multi_bboxes if agnostic else multi_bboxes.view(len(multi_bboxes), num_classes, box_dim)
    count = int(torch.count_nonzero(valid))
    if count == 0:
        return _detections(boxes.new_zeros(0, box_dim), scores, valid.new_zeros(0, dtype=torch.long), return_inds)
    shift = None if nms_cfg.get('class_agnostic', False) else _class_shift(boxes, valid)
    suppress = _greedy(nms_cfg)
    split = count >= nms_cfg.get('split_thr', _SPLIT_THR)

    def look(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        own = boxes[rows] if agnostic else boxes[rows, labels]
        shifted = own if shift is None else own + (labels.to(own) * shift)[:, None]
        return own, suppress_within_classes(shifted, labels, suppress) if split else suppress(shifted)

    index, kept = first_survivors(scores, valid, look, max_num)
    return _detections(kept, scores, index, return_inds)


def multiclass_nms_of(
    boxes_of: Callable[[Tensor, Tensor], Tensor],
    multi_scores: Tensor,
    score_thr: float,
    nms_cfg: Mapping[str, Any],
    max_num: int,
    score_factors: Tensor | None = None,
    return_inds: bool = False,
) -> Detections:
    """Return the survivors of greedy NMS of each class, with boxes computed only where they are looked at.

    Equal to `multiclass_nms` but for rounding: mmdet shifts the boxes of a class by a multiple of the largest of all
    N * C coordinates, which are not known here. Classes get cells of a grid instead, so overlaps are more exact than
    mmdet's (whose shifted coordinates lose their fractions beyond 10^4 classes), and no box can suppress one of
    another class. Two boxes whose overlap is within rounding of the threshold may be decided differently.

    Args:
        boxes_of: gives the (K, 4) boxes of (K,) RoIs and their (K,) classes.
        multi_scores: (N, C + 1), last column background.
        score_thr: each (RoI, class) with a score above it takes part.
        nms_cfg: settings for which `is_plain_nms` holds, without `class_agnostic`.
        max_num: detections wanted, > 0.
        score_factors: (N,) factors on the scores, applied after the threshold; or None.
        return_inds: also give the index of each detection.

    Returns:
        As `multiclass_nms`.

    Raises:
        ValueError: settings of another kind.
    """
    if not is_plain_nms(nms_cfg, max_num) or nms_cfg.get('class_agnostic', False):
        raise ValueError(
            f'multiclass_nms_of got nms_cfg={nms_cfg}, max_num={max_num}; it knows plain NMS within classes and a '
            'positive max_num only, give the boxes of every (RoI, class) to multiclass_nms'
        )
    suppress = _greedy(nms_cfg)

    def look(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        boxes = boxes_of(rows, labels)
        return boxes, suppress(spread_classes(boxes, labels))

    scores, valid = _scores(multi_scores, score_thr, score_factors)
    index, kept = first_survivors(scores, valid, look, max_num)
    return _detections(kept, scores, index, return_inds)


def is_plain_nms(nms_cfg: Mapping[str, Any] | None, max_num: int) -> bool:
    """Return whether the first `max_num` results of an NMS follow from its best candidates alone.

    False for soft-NMS, no NMS (`nms_cfg` None), unlimited detections (`max_num` below 1) and everything else that
    needs all candidates at once.
    """
    return (
        max_num > 0
        and nms_cfg is not None
        and nms_cfg.get('type', 'nms') == 'nms'
        and set(nms_cfg) <= _PLAIN_KEYS
        and nms_cfg.get('iou_threshold', -1.0) >= 0
    )


def _scores(multi_scores: Tensor, score_thr: float, factors: Tensor | None) -> tuple[Tensor, Tensor]:
    scores = multi_scores[:, :-1]
    valid = scores > score_thr
    return (scores if factors is None else scores * factors.view(-1, 1)), valid


def _class_shift(boxes: Tensor, valid: Tensor) -> Tensor:
    """Return what mmcv adds to the coordinates of a class, per label: 1 + the largest coordinate that takes part."""
    if boxes.dim() == 2:
        largest = boxes[valid.any(1)].max()
    else:
        largest = torch.where(valid, boxes.amax(-1), -torch.inf).max()
    return largest + 1


def _greedy(nms_cfg: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    def suppress(boxes: Tensor) -> Tensor:
        # falling numbers in place of the scores: a compiled op may take equal scores in any order
        order = torch.arange(len(boxes), 0, -1, dtype=torch.float32, device=boxes.device)
        return nms(boxes, order, nms_cfg['iou_threshold'])[1]

    return suppress


def _detections(boxes: Tensor, scores: Tensor, index: Tensor, return_inds: bool) -> Detections:
    num_classes = scores.size(1)
    kept = scores[index // num_classes, index % num_classes]
    dets = torch.cat([boxes, kept[:, None]], dim=-1)
    labels = index % num_classes
    return (dets, labels, index) if return_inds else (dets, labels)
