"""Base of the losses that add a term to another loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import Tensor

from .base import RoIClassificationLoss
from .score_parts import ScoreParts


class WrapperLoss(RoIClassificationLoss):
    """Base of the losses around another loss, `base`, whose columns and test scores are theirs.

    Args:
        num_classes: foreground classes C.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.
    """

    base: RoIClassificationLoss

    @property
    def bias_of_prior(self) -> Callable[[float], float]:
        """The base's bias of a prior score; like the base, without the attribute where there is none."""
        return cast(Callable[[float], float], self.base.bias_of_prior)

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return the (N, C + 1) scores of the base."""
        return self.base.get_activation(cls_score)

    def score_parts(self, cls_score: Tensor) -> ScoreParts:
        """Return what the base's scores are made of."""
        return self.base.score_parts(cls_score)

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the accuracies of the base."""
        return self.base.get_accuracy(cls_score, labels)
