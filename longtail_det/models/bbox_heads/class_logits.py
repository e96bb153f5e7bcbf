"""Class logits that are computed for the classes a loss asks about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from longtail_det.functional.ops import label_linear

from ..layers.on_demand import OnDemand, Term


class ClassLogits(OnDemand):
    """Stands for the (R, C) output of a classifier; `columns` gives the (R, K) logits of some classes.

    It travels in the place of mmdet's `cls_score` tensor from a head's forward to its loss, in training only.

    Args:
        features: (R, D) input of the classifier.
        fc_cls: linear layer of C outputs.
    """

    def __init__(self, features: Tensor, fc_cls: nn.Linear) -> None:
        super().__init__([(features, partial(_own_logit, fc_cls))])
        self.fc_cls = fc_cls

    def columns(self, classes: Tensor) -> Tensor:
        """Compute the logits of some classes; the gradient of the weight is dense, zero for the other classes.

        Args:
            classes: (K,) int64 in [0, C).

        Returns:
            (R, K) logits.
        """
        bias = None if self.fc_cls.bias is None else self.fc_cls.bias[classes]
        return F.linear(self._terms[0][0], self.fc_cls.weight[classes], bias)

    def dense(self) -> Tensor:
        """(R, C) logits of every class, mmdet's `cls_score`."""
        return self.fc_cls(self._terms[0][0])

    def _like(self, terms: Sequence[Term]) -> ClassLogits:
        return ClassLogits(terms[0][0], self.fc_cls)

    def _refusal(self, what: str) -> str:
        return (
            f'cls_score has no {what!r}: LongTailBBoxHead(cls_on_demand=True) computes class logits on demand while it '
            'trains; call eval() before a prediction, or set cls_on_demand=False for a RoI head that needs them all'
        )


def _own_logit(fc_cls: nn.Linear, features: Tensor, labels: Tensor) -> Tensor:
    return label_linear(features, labels, fc_cls.weight, fc_cls.bias, fc_cls.out_features)[:, 0]
