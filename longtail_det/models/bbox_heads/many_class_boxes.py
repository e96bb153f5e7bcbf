"""What a box head of mmdet does with boxes of thousands of classes: loss, refinement, prediction on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mmdet.structures.bbox import get_box_tensor, scale_boxes
from mmengine.structures import InstanceData
from torch import Tensor

from longtail_det.calibration import Calibration
from longtail_det.losses import ScoreParts

from ..layers import is_plain_nms, multiclass_nms, multiclass_nms_of
from .class_deltas import ClassDeltas

if TYPE_CHECKING:
    from mmdet.models.roi_heads.bbox_heads import BBoxHead
else:
    BBoxHead = object


class RoIOutputs(NamedTuple):
    """What a box head knows of the RoIs of one image before it detects.

    Args:
        roi: (N, 5) image index and box.
        cls_score: (N, columns of the loss) logits, of a cascade averaged over stages.
        bbox_pred: (N, B or C B) deltas, computed or on demand, or None.
        img_meta: `img_shape` and `scale_factor`.
        rescale: whether boxes are those of the image before it was resized.
    """

    roi: Tensor
    cls_score: Tensor | None
    bbox_pred: Tensor | ClassDeltas | None
    img_meta: Mapping[str, Any]
    rescale: bool


class ManyClassBoxes(BBoxHead):
    """Mixin before an mmdet `BBoxHead`: it takes `ClassDeltas` for `bbox_pred`, and detects with our `multiclass_nms`.

    Losses and detections are mmdet's, up to rounding where deltas are computed on demand, and detections of given
    deltas bit by bit. What needs the boxes of every (RoI, class) (soft-NMS, unlimited detections, raw boxes) gets them.
    """

    #: corrects the test scores, or None
    calibration: Calibration | None
    #: is shown what `detect` is given at prediction, or None
    on_outputs: Callable[[RoIOutputs], object] | None = None

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

    def test_scores(self, cls_score: Tensor) -> Tensor:
        """Return the scores of RoIs by the activation of the loss, calibrated where the head has a `calibration`.

        Args:
            cls_score: (N, columns of the loss) logits.

        Returns:
            (N, C + 1) scores, last column background.
        """
        if self.calibration is not None:
            return self.calibration(score_parts(self.loss_cls, cls_score))
        if self.custom_cls_channels:
            return self.loss_cls.get_activation(cls_score)
        return cls_score.softmax(dim=-1)

    def _predict_by_feat_single(
        self,
        roi: Tensor,
        cls_score: Tensor | None,
        bbox_pred: Tensor | ClassDeltas | None,
        img_meta: Mapping[str, Any],
        rescale: bool = False,
        rcnn_test_cfg: Any = None,
    ) -> InstanceData:
        outputs = RoIOutputs(roi, cls_score, bbox_pred, img_meta, rescale)
        if self.on_outputs is not None:
            self.on_outputs(outputs)
        return self.detect(outputs, rcnn_test_cfg)

    def detect(self, outputs: RoIOutputs, rcnn_test_cfg: Any = None) -> InstanceData:
        """Return the detections of an image.

        Args:
            outputs: the RoIs.
            rcnn_test_cfg: `score_thr`, `nms` and `max_per_img`; None: scores and boxes of all RoIs.

        Returns:
            `bboxes`, `scores` and `labels`; no labels for None.
        """
        cfg, bbox_pred = rcnn_test_cfg, outputs.bbox_pred
        if isinstance(bbox_pred, ClassDeltas):
            if len(outputs.roi) and cfg is not None and _may_look(cfg):
                return self._detect_on_demand(outputs, bbox_pred, cfg)
            bbox_pred = bbox_pred.dense()
        outputs = outputs._replace(bbox_pred=bbox_pred)
        if not len(outputs.roi):
            return super()._predict_by_feat_single(*outputs, cfg)
        raw = super()._predict_by_feat_single(*outputs, None)
        if self.calibration is not None and outputs.cls_score is not None:
            raw.scores = self.test_scores(outputs.cls_score)
        if cfg is None:
            return raw
        columns = 1 if bbox_pred is None or self.reg_class_agnostic else self.num_classes
        box_dim = raw.bboxes.size(1) // columns
        return _instances(
            *multiclass_nms(raw.bboxes, raw.scores, cfg.score_thr, cfg.nms, cfg.max_per_img, box_dim=box_dim)
        )

    def _detect_on_demand(self, outputs: RoIOutputs, bbox_pred: ClassDeltas, cfg: Any) -> InstanceData:
        roi, cls_score, _, img_meta, rescale = outputs
        assert cls_score is not None, 'mmdet detects nothing with a head that does not classify'
        scores = self.test_scores(cls_score)

        def boxes_of(rows: Tensor, labels: Tensor) -> Tensor:
            deltas = bbox_pred.select(rows).pick(labels)
            boxes = self.bbox_coder.decode(roi[rows, 1:], deltas, max_shape=img_meta['img_shape'])
            if rescale:
                boxes = scale_boxes(boxes, [1 / factor for factor in img_meta['scale_factor']])
            return get_box_tensor(boxes)

        return _instances(*multiclass_nms_of(boxes_of, scores, cfg.score_thr, cfg.nms, cfg.max_per_img))


def score_parts(loss: Any, cls_score: Tensor) -> ScoreParts:
    """Return what the test scores of a loss are made of; mmdet's losses without activation are decoded by a softmax.

    Args:
        loss: the classification loss of a head.
        cls_score: (N, columns of the loss) logits; half precision is lifted to float32.

    Raises:
        ValueError: a loss of somebody else's with an activation of its own.
    """
    logits = cls_score if cls_score.dtype.itemsize > 2 else cls_score.float()
    if hasattr(loss, 'score_parts'):
        return loss.score_parts(logits)
    if getattr(loss, 'custom_activation', False):
        raise ValueError(
            f'calibration: {type(loss).__name__} has an activation of its own and no score_parts(cls_score); derive it '
            'from longtail_det.losses.RoIClassificationLoss'
        )
    return ScoreParts(logits, softmax=True)


def _may_look(cfg: Any) -> bool:
    return is_plain_nms(cfg.nms, cfg.max_per_img) and not cfg.nms.get('class_agnostic', False)


def _instances(dets: Tensor, labels: Tensor) -> InstanceData:
    return InstanceData(bboxes=dets[:, :-1], scores=dets[:, -1], labels=labels)
