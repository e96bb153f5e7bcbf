"""GAP, the ranking loss of ROG (Zhang et al., ICCV 2023), beside another loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from longtail_det.checks import number
from longtail_det.functional.kernels import gap_kernel

from .base import AvgFactor, RoIClassificationLoss
from .softmax_loss import SoftmaxCE
from .statistics_sync import SyncedStatistics
from .wrapper_loss import WrapperLoss


class GAP(SyncedStatistics, WrapperLoss):
    """Global average precision loss (ROG, Zhang et al., ICCV 2023), added to any loss.

    It ranks the C class logits of all RoIs of a batch: a positive should be above every negative, whatever their
    classes. The value, `loss_rank`, is the mean over the classes of the batch of their mean ranking error. Its gradient
    is that of error-driven learning, not the derivative of the value: `lambda_` and the weight of a class,
    (1 / RoIs seen so far) ** gamma normalized to a sum of C, scale the gradient alone. Weights of RoIs and
    `avg_factor` act on the base only. Columns and scores are those of the base.

    Args:
        num_classes: foreground classes C.
        base: the loss it is added to, `dict(type=...)` with the options of any RoI loss of ours, or
            `CrossEntropyLoss`.
        lambda_: factor on the gradient of the ranking error.
        gamma: strength of the class weights, 0 switches them off.
        delta: half width of the ramp that takes the place of a step between two logits.
        reduction: 'mean', 'sum' or 'none', of the base.
        loss_weight: factor on all parts.

    Raises:
        ValueError: an unknown base, or a value out of range.
    """

    class_count: Tensor

    def __init__(
        self,
        num_classes: int,
        base: Mapping[str, Any],
        lambda_: float = 0.1,
        gamma: float = 1.0,
        delta: float = 0.5,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.lambda_ = number('lambda_', lambda_, 0)
        self.gamma = number('gamma', gamma, 0)
        self.delta = number('delta', delta, above=0)
        self.register_buffer('class_count', torch.zeros(num_classes))
        self.init_pending(num_classes)
        self.base = build_base(base, num_classes)
        self.extra_channels = self.base.extra_channels

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss of the base and the ranking loss; in training mode count the labels first.

        Args:
            cls_score: (N, columns of the base) logits, any float dtype; half precision is computed in float32.
            label: (N,) int64 in [0, C], C = background.
            weight: (N,) factor per RoI in the base.
            avg_factor: what 'mean' divides the base by; by default the number of RoIs.
            reduction_override: takes the place of `reduction` for this call.

        Returns:
            The parts of the base by name (`loss_cls` where it has one), and the scalar `loss_rank`.
        """
        reduction = self._reduction(reduction_override, avg_factor)
        if self.training:
            ones = self.class_count.new_ones(label.shape)
            counts = self.class_count.new_zeros(self.num_classes + 1).index_add(0, label, ones)
            self.add_statistics(counts[:-1])
        loss = self.base(cls_score, label, weight, avg_factor, reduction)
        with torch.autocast(cls_score.device.type, enabled=False):
            logits = self._class_logits(self.check_logits(cls_score))
            rank = gap_kernel(logits, label, self._class_weight(), delta=self.delta, scale=self.lambda_)
        parts = {**(loss if isinstance(loss, dict) else {'loss_cls': loss}), 'loss_rank': rank}
        return {name: self.loss_weight * part for name, part in parts.items()}

    def _class_logits(self, logits: Tensor) -> Tensor:
        columns = getattr(self.base, 'column_of_class', None)  # GroupSoftmax orders its columns by group
        return logits if columns is None else logits.index_select(1, columns)

    def _class_weight(self) -> Tensor:
        count = self.class_count
        if self.training and self.statistics_deferred:
            count = count + self.pending_statistics()
        weight = count.clamp(min=1) ** -self.gamma
        return weight * (self.num_classes / weight.sum())

    def apply_statistics(self, values: Tensor) -> None:
        """Add (C,) counts of RoIs."""
        self.class_count += values

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'{super().extra_repr()}, lambda_={self.lambda_}, gamma={self.gamma}, delta={self.delta}'


def build_base(base: Mapping[str, Any], num_classes: int) -> RoIClassificationLoss:
    """Build the loss that another one is added to.

    Args:
        base: `type`, the name of a RoI loss of ours or `CrossEntropyLoss`, and its options.
        num_classes: C, where `base` does not say it.

    Raises:
        ValueError: an unknown name, or another number of classes.
    """
    options = {'num_classes': num_classes, **base}
    name = options.pop('type', None)
    known = {kind.__name__: kind for kind in _kinds(RoIClassificationLoss)} | {'CrossEntropyLoss': SoftmaxCE}
    if name not in known or options['num_classes'] != num_classes:
        raise ValueError(
            f'base of type {name!r} and num_classes={options["num_classes"]}; expected {num_classes} classes and a '
            'loss of this package or CrossEntropyLoss, such as EQLv2 or SeesawLoss'
        )
    return known[name](**options)


def _kinds(kind: type[RoIClassificationLoss]) -> list[type[RoIClassificationLoss]]:
    return [kind, *(inner for below in kind.__subclasses__() for inner in _kinds(below))]
