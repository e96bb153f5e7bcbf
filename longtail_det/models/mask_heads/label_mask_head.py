"""mmdet's mask heads at a cost that does not grow with the vocabulary, and masks encoded without a full image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.models.losses import CrossEntropyLoss
from mmdet.models.roi_heads.mask_heads import FCNMaskHead, HTCMaskHead
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from longtail_det.checks import number
from longtail_det.compat.tracing import is_recording
from longtail_det.functional.ops import encode_runs, paste_runs

from .encoded_masks import EncodedMasks
from .label_predictor import STOCK, LabelledMasks, LabelPredictor


@MODELS.register_module()
class LabelFCNMaskHead(FCNMaskHead):
    """mmdet's `FCNMaskHead` that computes the mask of each RoI's own class only, with the same results.

    Parameters and `state_dict` are those of `FCNMaskHead`. Only the channel of a RoI's label enters the loss or a
    prediction, so time and memory are those of a single class, for any number of classes. Works in mmdet's standard,
    Cascade, HTC (`LabelHTCMaskHead`) and Mask Scoring RoI heads and in Panoptic FPN; any other RoI head
    raises a TypeError. While torch traces or exports the model, logits and masks are mmdet's tensors.

    Args:
        encode_masks: predictions hold run-length encodings (`EncodedMasks`), made from the crop of each box and equal
            to those of the full images; False holds mmdet's (n, H, W) bool tensors. With a negative
            `mask_thr_binary`, mmdet's way to see soft masks, they are always tensors.
        logits_std: standard deviation of the normal distribution that the weights of the last layer start with
            (detectron2: 1e-3); None: mmdet's Kaiming initialization. A `NormedConv2d` has no use for it.
        args: arguments of mmdet's head.
        kwargs: arguments of mmdet's head.

    Raises:
        ValueError: a predictor other than `Conv` and `NormedConv2d`, or a loss other than the mask cross entropy;
            neither if `class_agnostic`.
    """

    def __init__(self, *args: Any, encode_masks: bool = True, logits_std: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.encode_masks = encode_masks
        self.logits_std = None if logits_std is None else number('logits_std', logits_std, 0)
        if self.class_agnostic:
            return
        loss = self.loss_mask
        if not (isinstance(loss, CrossEntropyLoss) and loss.use_mask):
            raise ValueError(
                f'mask_head.loss_mask is {type(loss).__name__}; expected CrossEntropyLoss with use_mask=True, since '
                f'the loss sees one channel per RoI. For another loss {STOCK}'
            )
        self.conv_logits: nn.Module = LabelPredictor(self.conv_logits)

    def init_weights(self) -> None:
        """Initialize as mmdet does, then draw the weights of the last layer if `logits_std` is given."""
        super().init_weights()
        if self.logits_std is not None:
            nn.init.normal_(self.conv_logits.get_parameter('weight'), std=self.logits_std)

    def loss_and_target(
        self,
        mask_preds: LabelledMasks | Tensor,
        sampling_results: list[SamplingResult],
        batch_gt_instances: list[InstanceData],
        rcnn_train_cfg: ConfigDict,
    ) -> dict:
        """Return mmdet's targets and loss, computed from the masks of the RoIs' own classes."""
        if not isinstance(mask_preds, LabelledMasks):
            return super().loss_and_target(mask_preds, sampling_results, batch_gt_instances, rcnn_train_cfg)
        targets = self.get_targets(sampling_results, batch_gt_instances, rcnn_train_cfg)
        labels = torch.cat([result.pos_gt_labels for result in sampling_results])
        logits = mask_preds.pick(labels)[:, None]
        loss = self.loss_mask(logits, targets, torch.zeros_like(labels)) if len(logits) else logits.sum()
        return dict(loss_mask=dict(loss_mask=loss), mask_targets=targets)

    def predict_by_feat(
        self,
        mask_preds: Sequence[LabelledMasks | Tensor],
        results_list: list[InstanceData],
        batch_img_metas: list[dict],
        rcnn_test_cfg: ConfigDict,
        rescale: bool = False,
        activate_map: bool = False,
    ) -> list[InstanceData]:
        """Return mmdet's results with `masks` of (n, H, W), encoded or tensors, of one type in all images."""
        results = super().predict_by_feat(
            mask_preds, results_list, batch_img_metas, rcnn_test_cfg, rescale, activate_map
        )
        return self.encode_missing(results, rcnn_test_cfg)

    def encode_missing(self, results_list: list[InstanceData], rcnn_test_cfg: ConfigDict) -> list[InstanceData]:
        """Return the results with encoded masks also without a detection, where mmdet does not ask the head."""
        for results in results_list if self._encodes(rcnn_test_cfg) else ():
            if len(results) == 0 and isinstance(results.masks, Tensor):
                height, width = results.masks.shape[1:]
                results.masks = EncodedMasks([], height, width, results.masks.device)
        return results_list

    def _encodes(self, rcnn_test_cfg: ConfigDict) -> bool:
        return self.encode_masks and rcnn_test_cfg.mask_thr_binary >= 0 and not is_recording()

    def _predict_by_feat_single(
        self,
        mask_preds: LabelledMasks | Tensor,
        bboxes: Tensor,
        labels: Tensor,
        img_meta: dict,
        rcnn_test_cfg: ConfigDict,
        rescale: bool = False,
        activate_map: bool = False,
    ) -> EncodedMasks | Tensor:
        if isinstance(mask_preds, LabelledMasks):
            mask_preds = mask_preds.pick(labels)[:, None]
        elif not self.class_agnostic:
            mask_preds = mask_preds[range(len(labels)), labels][:, None]
        if not self._encodes(rcnn_test_cfg):
            first = torch.zeros_like(labels)
            return super()._predict_by_feat_single(
                mask_preds, bboxes, first, img_meta, rcnn_test_cfg, rescale, activate_map
            )
        height, width = _to_image_frame(bboxes, img_meta, rescale)
        probs = mask_preds if activate_map else mask_preds.sigmoid()
        threshold = rcnn_test_cfg.mask_thr_binary
        runs = paste_runs(probs, bboxes, height, width, threshold=threshold, near_box=bboxes.device.type == 'cpu')
        counts = encode_runs(*runs, num_masks=len(bboxes), num_pixels=height * width)
        return EncodedMasks(counts, height, width, bboxes.device)


@MODELS.register_module()
class LabelHTCMaskHead(LabelFCNMaskHead, HTCMaskHead):
    """mmdet's `HTCMaskHead` that computes the mask of each RoI's own class only, with the same results.

    Args:
        args: arguments of mmdet's head.
        kwargs: arguments of mmdet's head, and `encode_masks` of `LabelFCNMaskHead`.
    """


def _to_image_frame(boxes: Tensor, img_meta: dict, rescale: bool) -> tuple[int, int]:
    """Return the size of the image to paste into; with `rescale` bring the boxes to it in place, as mmdet does."""
    height, width = img_meta['ori_shape'][:2]
    # rounded to the boxes' type like mmdet's, but read on the host: a GPU need not be waited for
    scale = torch.tensor(img_meta['scale_factor'], dtype=boxes.dtype)
    if rescale:
        boxes /= scale.repeat(1, 2).to(boxes.device)
        return int(height), int(width)
    return int(np.round(height * scale[1].item())), int(np.round(width * scale[0].item()))
