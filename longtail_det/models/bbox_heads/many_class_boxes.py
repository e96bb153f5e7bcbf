"""What a box head of mmdet does with boxes of thousands of classes: loss, refinement, prediction on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from mmdet.structures.bbox import get_box_tensor, scale_boxes
from mmengine.structures import InstanceData
from torch import Tensor

from ..layers import is_plain_nms, multiclass_nms, multiclass_nms_of
from .class_deltas import ClassDeltas

if TYPE_CHECKING:
    from mmdet.models.roi_heads.bbox_heads import BBoxHead
else:
    BBoxHead = object


class ManyClassBoxes(BBoxHead):
    """Mixin before an mmdet `BBoxHead`: it takes `ClassDeltas` for `bbox_pred`, and detects with our `multiclass_nms`.

    Losses and detections are mmdet's, up to rounding where deltas are computed on demand, and detections of given
    deltas bit by bit. What needs the boxes of every (RoI, class) (soft-NMS, unlimited detections, raw boxes) gets them.
    """

    def bbox_pred_split(self, bbox_pred: ClassDeltas, num_proposals_per_img: Sequence[int]) -> list[ClassDeltas]:
        """Return the box deltas of each image; mmdet's RoI heads ask for it where `bbox_pred` is no tensor."""
        return bbox_pred.split(num_proposals_per_img)

    def loss(
        self,
        cls_score: Tensor | None,
        bbox_pred: Tensor | ClassDeltas | None,
        rois: Tensor,
        labels: Tensor,
        label_weights: Tensor,
        bbox_targets: Tensor,
        bbox_weights: Tensor,
        reduction_override: str | None = None,
    ) -> dict[str, Tensor]:
        """Return losses and accuracy of RoIs by name; arguments are mmdet's, `bbox_pred` computed or on demand."""
        targets = (labels, label_weights, bbox_targets, bbox_weights, reduction_override)
        if not isinstance(bbox_pred, ClassDeltas):
            return super().loss(cls_score, bbox_pred, rois, *targets)
        losses = super().loss(cls_score, None, rois, *targets)
        positive = ((labels >= 0) & (labels < self.num_classes)).nonzero()[:, 0]
        deltas = bbox_pred.select(positive).pick(labels[positive])
        if not len(positive):
            # zero, and yet of the regressor: DDP waits for the gradient of every parameter
            return losses | {'loss_bbox': deltas.sum()}
        if self.reg_decoded_bbox:
            deltas = get_box_tensor(self.bbox_coder.decode(rois[positive, 1:], deltas))
        losses['loss_bbox'] = self.loss_bbox(
            deltas,
            bbox_targets[positive],
            bbox_weights[positive],
            avg_factor=len(bbox_targets),
            reduction_override=reduction_override,
        )
        return losses

    def regress_by_class(
        self, priors: Tensor, label: Tensor, bbox_pred: Tensor | ClassDeltas, img_meta: Mapping[str, Any]
    ) -> Tensor:
        """Return boxes of RoIs for one class each, as in mmdet, of deltas that are computed or on demand."""
        if isinstance(bbox_pred, ClassDeltas):
            return self.bbox_coder.decode(priors, bbox_pred.pick(label), max_shape=img_meta['img_shape'])
        return super().regress_by_class(priors, label, bbox_pred, img_meta)

    def _predict_by_feat_single(
        self,
        roi: Tensor,
        cls_score: Tensor,
        bbox_pred: Tensor | ClassDeltas | None,
        img_meta: Mapping[str, Any],
        rescale: bool = False,
        rcnn_test_cfg: Any = None,
    ) -> InstanceData:
        if isinstance(bbox_pred, ClassDeltas):
            cfg = rcnn_test_cfg
            if len(roi) and cfg and is_plain_nms(cfg.nms, cfg.max_per_img) and not cfg.nms.get('class_agnostic'):
                return self._detect_on_demand(roi, cls_score, bbox_pred, img_meta, rescale, cfg)
            bbox_pred = bbox_pred.dense()
        if rcnn_test_cfg is None or not len(roi):
            return super()._predict_by_feat_single(roi, cls_score, bbox_pred, img_meta, rescale, rcnn_test_cfg)
        raw = super()._predict_by_feat_single(roi, cls_score, bbox_pred, img_meta, rescale, None)
        columns = 1 if bbox_pred is None or self.reg_class_agnostic else self.num_classes
        cfg = rcnn_test_cfg
        box_dim = raw.bboxes.size(1) // columns
        return _instances(
            *multiclass_nms(raw.bboxes, raw.scores, cfg.score_thr, cfg.nms, cfg.max_per_img, box_dim=box_dim)
        )

    def _detect_on_demand(
        self,
        roi: Tensor,
        cls_score: Tensor,
        bbox_pred: ClassDeltas,
        img_meta: Mapping[str, Any],
        rescale: bool,
        cfg: Any,
    ) -> InstanceData:
        if self.custom_cls_channels:
            scores = self.loss_cls.get_activation(cls_score)
        else:
            scores = F.softmax(cls_score, dim=-1)

        def boxes_of(rows: Tensor, labels: Tensor) -> Tensor:
            deltas = bbox_pred.select(rows).pick(labels)
            boxes = self.bbox_coder.decode(roi[rows, 1:], deltas, max_shape=img_meta['img_shape'])
            if rescale:
                boxes = scale_boxes(boxes, [1 / factor for factor in img_meta['scale_factor']])
            return get_box_tensor(boxes)

        return _instances(*multiclass_nms_of(boxes_of, scores, cfg.score_thr, cfg.nms, cfg.max_per_img))


def _instances(dets: Tensor, labels: Tensor) -> InstanceData:
    return InstanceData(bboxes=dets[:, :-1], scores=dets[:, -1], labels=labels)
