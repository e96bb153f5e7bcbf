"""torchvision's detectors: losses of RoIs in Faster and Mask R-CNN, dense losses in RetinaNet."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail_det.losses import RoIClassificationLoss

from .dense import check_dense, dense_loss


def torchvision_roi_loss(model: Any, loss: RoIClassificationLoss, prior_prob: float | None = None) -> Any:
    """Train and test a Faster, Mask or Keypoint R-CNN of torchvision with one of our RoI losses.

    The model's targets, outputs and weights stay as they are, but the classifier gets the columns of the loss
    (`LongTailRoIHeads`). The loss is a submodule, so its state is in the model's `state_dict`. TorchScript cannot
    compile the model.

    Args:
        model: has `roi_heads` with a `box_predictor.cls_score` of C + 1 columns.
        loss: of C classes: torchvision counts background, `num_classes=C + 1` there.
        prior_prob: test score that every class starts with, for losses of sigmoids (0.01 for FedLoss, 0.001 for EQL
            and DropLoss).

    Returns:
        The model, changed in place. Create the optimizer afterwards: the classifier may be a new layer.

    Raises:
        ValueError: heads of somebody else, another number of classes, or a prior for a loss that knows none.

    Example:
        >>> from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn
        >>> from longtail_det.losses import SeesawLoss
        >>> model = fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, num_classes=81)
        >>> model = torchvision_roi_loss(model, SeesawLoss(num_classes=80))
        >>> model.roi_heads.box_predictor.cls_score.out_features
        82
    """
    from .torchvision_roi_heads import adapt  # torchvision is needed from here on

    adapt(model.roi_heads, loss, prior_prob)
    return model


class RetinaNetLoss:
    """The `compute_loss` of torchvision's `RetinaNetClassificationHead`, by one of our dense losses.

    Args:
        head: the classification head, which holds the loss as `long_tail_loss`.
    """

    def __init__(self, head: Any) -> None:
        self.head = head

    def __call__(self, targets: list[dict[str, Tensor]], head_outputs: dict[str, Tensor], matched_idxs: Any) -> Tensor:
        """Return the mean over images of (sum over anchors / number of positives).

        Args:
            targets: `labels` of each image, int64 in [0, C).
            head_outputs: `cls_logits` (B, A, C).
            matched_idxs: (A,) object of each anchor of each image, negative for background and ignored ones.
        """
        losses = []
        for target, logits, matched in zip(targets, head_outputs['cls_logits'], matched_idxs, strict=True):
            used, positive = matched != self.head.BETWEEN_THRESHOLDS, matched >= 0
            labels = torch.full_like(matched, logits.size(1))
            labels[positive] = target['labels'][matched[positive]]
            quality = positive.to(logits.dtype)  # torchvision's targets are 0 and 1
            num_positive = positive.sum().clamp(min=1)
            losses.append(dense_loss(self.head.long_tail_loss, logits[used], labels[used], quality[used], num_positive))
        return torch.stack(losses).mean()


def torchvision_dense_loss(model: Any, loss: nn.Module) -> Any:
    """Train a RetinaNet of torchvision with one of our dense losses.

    Its labels are in [0, C) as ours, and its test scores sigmoids. The loss is a submodule of the classification head.
    `EFL` with all classes balanced is torchvision's focal loss.

    Args:
        model: has `head.classification_head`.
        loss: of C classes: `EFL`, `EQFL`, or a RoI loss without a background column such as `FedLoss`.

    Returns:
        The model, changed in place.

    Raises:
        ValueError: a loss of other columns, or of another number of classes.
    """
    head = model.head.classification_head
    check_dense(loss)
    if loss.num_classes != head.num_classes:
        raise ValueError(
            f'{type(loss).__name__} has num_classes={loss.num_classes}, the RetinaNet {head.num_classes}; '
            'make them equal'
        )
    head.long_tail_loss = loss.to(next(head.parameters()).device)
    head.compute_loss = RetinaNetLoss(head)
    return model
