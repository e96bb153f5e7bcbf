"""The contract that mmdet's BBoxHead has with a classification loss, written once (docs/architecture.md)."""

from __future__ import annotations

import inspect
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from longtail_det.checks import number, one_of, whole

from .score_parts import ScoreParts

#: what 'mean' divides by: a number, a scalar tensor, or None for the number of RoIs
AvgFactor: TypeAlias = float | Tensor | None
REDUCTIONS = ('none', 'mean', 'sum')
#: smallest avg_factor: all RoIs may have weight 0
_EPS = torch.finfo(torch.float32).eps


class RoIClassificationLoss(nn.Module):
    """Base of the RoI classification losses: arguments, dtype, reduction and the hooks of mmdet's BBoxHead.

    A subclass writes `loss(logits, labels)` (unreduced, one value per RoI), `get_activation`, and, where it has
    other than C + 1 columns, `extra_channels`. mmdet's heads ask for the three `custom_*` flags; all are True, so
    that no head ever decodes our logits with its own softmax.

    Args:
        num_classes: number of foreground classes C; label C is background.
        reduction: 'mean' (sum over RoIs / avg_factor, or / number of RoIs), 'sum' or 'none' (one value per RoI).
        loss_weight: factor on the reduced loss.

    Raises:
        TypeError: an argument the loss does not know; the message lists the ones it knows.
        ValueError: a value out of range.
    """

    custom_cls_channels = True
    custom_activation = True
    custom_accuracy = True
    #: columns of `cls_score` beside the C class columns
    extra_channels = 1
    #: whether the test scores of a RoI are one softmax over the C + 1 columns
    joint_softmax = False

    def __new__(cls, *args: Any, **kwargs: Any) -> RoIClassificationLoss:
        """Raise a TypeError at unknown arguments, naming the known ones."""
        known = [name for name in inspect.signature(cls.__init__).parameters if name != 'self']
        unknown = sorted(set(kwargs) - set(known))
        if unknown:
            raise TypeError(f'{cls.__name__} has no argument {unknown}; its arguments are {known}')
        return super().__new__(cls)

    def __init__(self, num_classes: int, reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__()
        self.num_classes = whole('num_classes', num_classes, 1)
        self.reduction = one_of('reduction', reduction, REDUCTIONS)
        self.loss_weight = number('loss_weight', loss_weight, 0)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each RoI.

        Args:
            logits: (N, C + extra_channels) float32 or float64.
            labels: (N,) int64 in [0, C], C = background.

        Returns:
            (N,) loss in nats, unreduced.
        """
        raise NotImplementedError

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return the test scores of logits.

        Args:
            cls_score: (N, C + extra_channels) logits.

        Returns:
            (N, C + 1) probabilities, last column background (zero for a loss without one).
        """
        raise NotImplementedError

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """Return the reduced loss of a batch of RoIs.

        Args:
            cls_score: (N, C + extra_channels) logits, any float dtype; half precision is computed in float32.
            label: (N,) int64 in [0, C], C = background.
            weight: (N,) factor per RoI.
            avg_factor: what 'mean' divides by; by default the number of RoIs.
            reduction_override: takes the place of `reduction` for this call.

        Returns:
            A scalar, or (N,) for reduction 'none'.
        """
        reduction = self._reduction(reduction_override, avg_factor)
        with torch.autocast(cls_score.device.type, enabled=False):
            loss = self.loss(self.check_logits(cls_score), label)
            return self.loss_weight * reduce_loss(loss, weight, reduction, avg_factor)

    def get_cls_channels(self, num_classes: int) -> int:
        """Return the number of columns the classifier needs; `num_classes` is the head's and must be the loss's."""
        if num_classes != self.num_classes:
            raise ValueError(
                f'the box head has num_classes={num_classes}, its {type(self).__name__} num_classes='
                f'{self.num_classes}; set both to the number of classes of the dataset'
            )
        return num_classes + self.extra_channels

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the share of RoIs whose highest test score is their label, in percent, under mmdet's key `acc`."""
        return {'acc': percent_correct(self.get_activation(cls_score), labels)}

    def score_parts(self, cls_score: Tensor) -> ScoreParts:
        """Return the test scores in the form that a calibration takes; joined again they are `get_activation`'s.

        Args:
            cls_score: (N, C + extra_channels) logits.

        Returns:
            The logits of a `joint_softmax`; otherwise the log odds of each class, whatever the activation.
        """
        if self.joint_softmax:
            return ScoreParts(cls_score, softmax=True)
        return ScoreParts.of_probabilities(self.get_activation(cls_score))

    def check_logits(self, cls_score: Tensor) -> Tensor:
        """Raise at a wrong number of columns, and lift half precision to float32."""
        channels = self.num_classes + self.extra_channels
        if cls_score.dim() != 2 or cls_score.size(1) != channels:
            raise ValueError(
                f'{type(self).__name__}(num_classes={self.num_classes}) got cls_score of shape '
                f'{tuple(cls_score.shape)}; expected (N, {channels})'
            )
        return cls_score if cls_score.dtype == torch.float64 else cls_score.float()

    def _reduction(self, override: str | None, avg_factor: AvgFactor) -> str:
        reduction = override or self.reduction
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction_override={override!r}; expected one of {REDUCTIONS} or None')
        if reduction == 'sum' and avg_factor is not None:
            raise ValueError("avg_factor divides a mean; it cannot be used with reduction='sum'")
        return reduction

    def extra_repr(self) -> str:
        """Return the arguments that every loss has, for `print(model)`."""
        return f'num_classes={self.num_classes}, reduction={self.reduction!r}, loss_weight={self.loss_weight}'


def reduce_loss(loss: Tensor, weight: Tensor | None, reduction: str, avg_factor: AvgFactor) -> Tensor:
    """Return a loss of one value per RoI, weighted and reduced; the mean of no RoI is 0, not NaN.

    Args:
        loss: (N,) unreduced loss.
        weight: (N,) factor per RoI, or None.
        reduction: 'none', 'mean' or 'sum'.
        avg_factor: what 'mean' divides by, a number or a scalar tensor; None means N.

    Returns:
        (N,) for 'none', else a scalar.
    """
    if weight is not None:
        loss = loss * weight.to(loss.dtype)
    if reduction == 'none':
        return loss
    total = loss.sum()
    if reduction == 'sum':
        return total
    if avg_factor is None:
        return total / max(loss.numel(), 1)
    if isinstance(avg_factor, Tensor):
        return total / avg_factor.clamp(min=_EPS)
    return total / max(avg_factor, _EPS)


def percent_correct(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the share of rows whose largest column is the label, as mmdet's `accuracy` gives it.

    Args:
        scores: (N, K) scores or logits.
        labels: (N,) int64 in [0, K]; rows of label K, background without a column, are left out.

    Returns:
        (1,) percentage in [0, 100]; a scalar 0 for no row.
    """
    if not scores.size(0):
        return scores.new_zeros(())
    number = (labels < scores.size(1)).sum().clamp(min=1)
    return (scores.argmax(dim=1) == labels).float().sum(0, keepdim=True) * (100.0 / number)
