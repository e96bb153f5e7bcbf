"""What a metric keeps of a predicted image until all images are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.structures.mask import encode_mask_results
from torch import Tensor


def image_detections(data_sample: Mapping[str, Any]) -> dict[str, Any]:
    """Read the detections of one data sample, masks compressed.

    Args:
        data_sample: `DetDataSample.to_dict()` of a tested image: `img_id` and `pred_instances` with tensors `bboxes`
            (n, 4) xyxy, `scores` (n,), `labels` (n,), maybe `masks` (n, H, W) bool, or a list of n RLEs as dumped
            by mmdet's DumpDetResults, maybe `mask_scores` (n,).

    Returns:
        `img_id` and the same fields as numpy arrays, `masks` as n RLE dicts with `counts` a str, ready for json.
    """
    instances = data_sample['pred_instances']
    detections: dict[str, Any] = {'img_id': data_sample['img_id']}
    for key in ('bboxes', 'scores', 'labels', 'mask_scores'):
        if key in instances:
            detections[key] = instances[key].detach().cpu().numpy()
    if 'masks' in instances:
        masks = instances['masks']
        rles = encode_mask_results(masks.detach().cpu().numpy()) if isinstance(masks, Tensor) else masks
        detections['masks'] = [{**rle, 'counts': _text(rle['counts'])} for rle in rles]
    return detections


def _text(counts: bytes | str) -> str:
    return counts.decode() if isinstance(counts, bytes) else counts
