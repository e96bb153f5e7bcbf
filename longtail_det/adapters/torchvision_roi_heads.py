"""torchvision's RoI heads (Faster, Mask and Keypoint R-CNN) with one of our losses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss

from longtail_det.losses import RoIClassificationLoss

from .classifiers import fit_classifier, total
from .host_functions import rebind


class LongTailRoIHeads(RoIHeads):
    """torchvision's `RoIHeads`, whose classification loss and test scores are those of `long_tail_loss`.

    All else is torchvision's own code, masks and keypoints included. Background is class 0 there and class C here. The
    classifier's columns are in torchvision's order: first those that belong to no class (background; the two of
    objectness for Seesaw; none for FedLoss), then the classes. So with a loss of C + 1 columns the weights are
    exchangeable with those of an ordinary model.

    `torchvision_roi_loss` makes a model's heads such.
    """

    long_tail_loss: RoIClassificationLoss

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what torchvision's forward returns."""
        return rebind(RoIHeads.forward, fastrcnn_loss=self.losses)(self, *args, **kwargs)

    def losses(
        self, class_logits: Tensor, box_regression: Tensor, labels: list[Tensor], regression_targets: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the classification loss, and torchvision's loss of boxes.

        Args:
            class_logits: (N, C + extra) columns in torchvision's order.
            box_regression: (N, 4 (C + 1)).
            labels: of each image, int64 in [0, C], 0 = background.
            regression_targets: (n, 4) of each image.
        """
        # torchvision gives both losses at once, and looks at the logits for the first alone
        unused = box_regression.new_zeros(len(box_regression), self.long_tail_loss.num_classes + 1)
        _, box_loss = fastrcnn_loss(unused, box_regression, labels, regression_targets)
        ours = (torch.cat(labels) - 1) % (self.long_tail_loss.num_classes + 1)
        return total(self.long_tail_loss(self._our_columns(class_logits), ours)), box_loss

    def postprocess_detections(self, class_logits: Tensor, *args: Any) -> Any:
        """Return boxes, scores and labels of each image, as torchvision does.

        Args:
            class_logits: (N, C + extra) columns in torchvision's order.
            args: torchvision's others.
        """
        scores = self.long_tail_loss.get_activation(self._our_columns(class_logits)).roll(1, dims=1)
        decoded = SimpleNamespace(softmax=lambda scores, dim: scores)
        return rebind(RoIHeads.postprocess_detections, F=decoded)(self, scores, *args)

    def _our_columns(self, class_logits: Tensor) -> Tensor:
        return class_logits.roll(-self.long_tail_loss.extra_channels, dims=1)


def adapt(roi_heads: RoIHeads, loss: RoIClassificationLoss, prior_prob: float | None) -> None:
    """Make RoI heads use a loss, in place.

    Args:
        roi_heads: torchvision's, with a box predictor such as `FastRCNNPredictor`.
        loss: of C classes.
        prior_prob: test score that every class starts with; None leaves the bias as it is.
    """
    if type(roi_heads) is not RoIHeads:  # ours have other columns already
        raise ValueError(f'the RoI heads are {type(roi_heads).__name__}; expected RoIHeads of torchvision')
    predictor = roi_heads.box_predictor
    predictor.cls_score = fit_classifier(predictor.cls_score, loss, prior_prob, background_first=True)
    roi_heads.__class__ = LongTailRoIHeads
    roi_heads.long_tail_loss = loss.to(predictor.cls_score.weight.device)
