"""Masks of one type where no image has a detection, which mmdet's RoI heads answer without asking the mask head."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from mmdet.models.roi_heads import CascadeRoIHead, HybridTaskCascadeRoIHead, MaskScoringRoIHead, StandardRoIHead
from mmengine.structures import InstanceData
from torch import nn

from .label_mask_head import LabelFCNMaskHead


def _encode_empty(predict_mask: Callable[..., list[InstanceData]]) -> Callable[..., list[InstanceData]]:
    @functools.wraps(predict_mask)
    def predict(self: Any, *args: Any, **kwargs: Any) -> list[InstanceData]:
        results = predict_mask(self, *args, **kwargs)
        head = self.mask_head[-1] if isinstance(self.mask_head, nn.ModuleList) else self.mask_head
        return head.encode_missing(results, self.test_cfg) if isinstance(head, LabelFCNMaskHead) else results

    return predict


def encode_empty_results() -> None:
    """Make mmdet's RoI heads encode the masks of no detection if their mask head encodes; others are left as they are.

    A RoI head of our own would have to be named in every config; calling this again changes nothing.
    """
    for roi_head in (StandardRoIHead, CascadeRoIHead, HybridTaskCascadeRoIHead, MaskScoringRoIHead):
        predict_mask = vars(roi_head)['predict_mask']
        if not hasattr(predict_mask, '__wrapped__'):
            roi_head.predict_mask = _encode_empty(predict_mask)
