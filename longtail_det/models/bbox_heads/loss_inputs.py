"""What some losses take beside logits and labels: the drawn columns alone, and the object of each RoI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .class_deltas import ClassDeltas
from .class_logits import ClassLogits

if TYPE_CHECKING:
    from mmdet.models.roi_heads.bbox_heads import BBoxHead
else:
    BBoxHead = object


class LossInputs(BBoxHead):
    """Mixin before an mmdet `BBoxHead`: it takes `ClassLogits` for `cls_score`, and hands object ids to the loss.

    A loss with `takes_object_ids` (EBL) is called with `object_ids`, the ground-truth object of each RoI.
    """

    def loss_and_target(
        self,
        cls_score: Tensor | ClassLogits | None,
        bbox_pred: Tensor | ClassDeltas | None,
        rois: Tensor,
        sampling_results: Sequence[Any],
        rcnn_train_cfg: Any,
        concat: bool = True,
        reduction_override: str | None = None,
    ) -> dict[str, Any]:
        """Losses of RoIs and their targets, as in mmdet.

        Args:
            cls_score: (N, columns of the loss) logits, computed or on demand, or None.
            bbox_pred: (N, B or C B) deltas, computed or on demand, or None.
            rois: (N, 5) image index and box.
            sampling_results: of each image.
            rcnn_train_cfg: mmdet's training settings of the R-CNN.
            concat: True; targets as one tensor.
            reduction_override: takes the place of the losses' own reduction.

        Returns:
            `loss_bbox`, the losses by name, and `bbox_targets`, the targets of the N RoIs.
        """
        on_demand, takes_ids = isinstance(cls_score, ClassLogits), getattr(self.loss_cls, 'takes_object_ids', False)
        if cls_score is None or not (on_demand or takes_ids):
            return super().loss_and_target(
                cls_score, bbox_pred, rois, sampling_results, rcnn_train_cfg, concat, reduction_override
            )
        targets = self.get_targets(sampling_results, rcnn_train_cfg, concat=concat)
        labels, label_weights = targets[:2]
        losses = self.loss(None, bbox_pred, rois, *targets, reduction_override=reduction_override)
        options = self.loss_options(label_weights, sampling_results, reduction_override)
        if isinstance(cls_score, ClassLogits):
            classes = self.loss_cls.sample_classes(labels)
            columns = cls_score.columns(classes)
            loss_cls = self.loss_cls.loss_of_columns(columns, labels, classes, **options)
            accuracy = self.loss_cls.accuracy_of_columns(columns, labels, classes)
        else:
            loss_cls = self.loss_cls(cls_score, labels, **options)
            accuracy = self.loss_cls.get_accuracy(cls_score, labels)
        return dict(loss_bbox={'loss_cls': loss_cls, **accuracy, **losses}, bbox_targets=targets)

    def loss_options(
        self, label_weights: Tensor, sampling_results: Sequence[Any], reduction_override: str | None
    ) -> dict[str, Any]:
        """Return what the classification loss takes beside logits and labels, by name.

        Args:
            label_weights: (N,) factor per RoI.
            sampling_results: of each image.
            reduction_override: takes the place of the loss's own reduction.
        """
        options: dict[str, Any] = dict(
            weight=label_weights,
            avg_factor=(label_weights > 0).sum().float().clamp(min=1),
            reduction_override=reduction_override,
        )
        if getattr(self.loss_cls, 'takes_object_ids', False):
            options['object_ids'] = object_ids(sampling_results)
        return options

    def refine_bboxes(
        self, sampling_results: Any, bbox_results: dict[str, Any], batch_img_metas: list[dict[str, Any]]
    ) -> Any:
        """Boxes of the next stage of a cascade, as in mmdet.

        Args:
            sampling_results: of each image.
            bbox_results: `rois`, `cls_score`, `bbox_pred` and `bbox_targets` of this stage.
            batch_img_metas: of each image.

        Returns:
            Proposals of each image, or None without a RoI.
        """
        logits = bbox_results['cls_score']
        if isinstance(logits, ClassLogits):
            # the class of a background RoI chooses among class-specific boxes, and does not matter to others
            any_class = bbox_results['rois'].new_zeros(len(logits), self.num_classes)
            bbox_results = {**bbox_results, 'cls_score': any_class if self.reg_class_agnostic else logits.dense()}
        return super().refine_bboxes(sampling_results, bbox_results, batch_img_metas)


def object_ids(sampling_results: Sequence[Any]) -> Tensor:
    """Return (N,) int64, the ground-truth object of each RoI of a batch, counted over its images; -1 for background.

    Args:
        sampling_results: of each image; its RoIs are the positive ones, then the negative ones.
    """
    ids, first = [], 0
    for result in sampling_results:
        assigned = result.pos_assigned_gt_inds
        ids += [assigned + first, assigned.new_full((len(result.neg_priors),), -1)]
        first += result.num_gts
    return torch.cat(ids)
