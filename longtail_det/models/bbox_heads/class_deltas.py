"""Class-specific box regression, computed for each (RoI, class) that somebody asks about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeGuard

from torch import Tensor, nn

from longtail_det.compat.tracing import is_recording
from longtail_det.functional.ops import label_linear

from ..layers.on_demand import OnDemand, Term


class ClassDeltas(OnDemand):
    """Stands for the (R, C * B) output of a regression layer; `pick` gives the (R, B) deltas of one class per RoI.

    It travels in the place of mmdet's `bbox_pred` tensor from a head's forward to its loss, prediction and refinement.

    Args:
        features: (R, D) input of the layer.
        fc_reg: linear layer of C * B outputs.
        num_classes: C.
    """

    def __init__(self, features: Tensor, fc_reg: nn.Linear, num_classes: int) -> None:
        super().__init__([(features, partial(_deltas, fc_reg, num_classes))])
        self.fc_reg = fc_reg
        self.num_classes = num_classes

    @property
    def features(self) -> Tensor:
        """(R, D) input of the layer."""
        return self._terms[0][0]

    def _like(self, terms: Sequence[Term]) -> ClassDeltas:
        return ClassDeltas(terms[0][0], self.fc_reg, self.num_classes)

    def _refusal(self, what: str) -> str:
        return (
            f'bbox_pred has no {what!r}: LongTailBBoxHead gives {type(self).__name__}, which compute deltas on demand; '
            'set reg_on_demand=False in the bbox_head for a RoI head that needs the tensor of all classes'
        )

    def __getitem__(self, rows: Tensor | slice) -> ClassDeltas:
        """Return those of some RoIs; mmdet's refinement asks for them in this way."""
        return self.select(rows)

    def dense(self) -> Tensor:
        """Return (R, C * B) deltas of every class, mmdet's `bbox_pred`."""
        return self.fc_reg(self.features)


def _deltas(fc_reg: nn.Linear, num_classes: int, features: Tensor, labels: Tensor) -> Tensor:
    return label_linear(features, labels, fc_reg.weight, fc_reg.bias, num_classes)


def can_defer(fc_reg: nn.Module) -> TypeGuard[nn.Linear]:
    """Return whether rows of a layer's weight say all about its outputs: a plain linear layer without hooks.

    Layers with a formula of their own (`NormedLinear`, adapters) need their forward, and a traced or exported model
    knows tensors only.
    """
    hooks = fc_reg._forward_pre_hooks or fc_reg._forward_hooks
    return type(fc_reg) is nn.Linear and not hooks and not is_recording()
