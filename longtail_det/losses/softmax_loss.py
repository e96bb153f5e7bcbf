"""Losses whose test scores are the softmax of all C + 1 logits."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .base import RoIClassificationLoss


class SoftmaxLoss(RoIClassificationLoss):
    """Softmax cross entropy, and the base of the losses that are tested with a plain softmax.

    Args:
        num_classes: foreground classes C.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.
    """

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        return F.cross_entropy(logits, labels, reduction='none')

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return (N, C + 1) softmax scores of (N, C + 1) logits."""
        return cls_score.softmax(dim=-1)


class SoftmaxCE(SoftmaxLoss):
    """Softmax cross entropy by mmdet's name `CrossEntropyLoss`, as the base of another loss.

    Args:
        num_classes: foreground classes C.
        use_sigmoid: False; there only because mmdet's class has it.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: `use_sigmoid=True`.
    """

    def __init__(
        self, num_classes: int, use_sigmoid: bool = False, reduction: str = 'mean', loss_weight: float = 1.0
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        if use_sigmoid:
            raise ValueError('a base of type CrossEntropyLoss is a softmax; set use_sigmoid=False, or take SigmoidCE')
