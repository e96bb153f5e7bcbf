"""Class-specific box regression that is computed for the (RoI, class) pairs somebody asks about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, TypeGuard

from torch import Tensor, nn

from longtail_det.compat.tracing import is_recording
from longtail_det.functional.ops import label_linear


class ClassDeltas:
    """Stands for the (N, C * B) output of a regression layer without computing it.

    It travels in the place of mmdet's `bbox_pred` tensor from a head's forward to its loss, prediction and refinement,
    holding the features; who wants the deltas of one class per RoI gets them at a cost that does not grow with C.

    Args:
        features: (N, D) input of the layer.
        fc_reg: linear layer of C * B outputs.
        num_classes: C.
    """

    def __init__(self, features: Tensor, fc_reg: nn.Linear, num_classes: int) -> None:
        self.features = features
        self.fc_reg = fc_reg
        self.num_classes = num_classes

    def __len__(self) -> int:
        """Number of RoIs N."""
        return len(self.features)

    def __getitem__(self, rows: Tensor | slice) -> ClassDeltas:
        """Those of some RoIs; indices as for a tensor's first dimension."""
        return ClassDeltas(self.features[rows], self.fc_reg, self.num_classes)

    def split(self, sizes: Sequence[int]) -> tuple[ClassDeltas, ...]:
        """Cut into consecutive parts of the given numbers of RoIs."""
        return tuple(ClassDeltas(part, self.fc_reg, self.num_classes) for part in self.features.split(list(sizes)))

    def for_labels(self, labels: Tensor) -> Tensor:
        """Deltas of each RoI for one class.

        Args:
            labels: (N,) int64 in [0, C).

        Returns:
            (N, B) deltas; the gradient reaches the whole layer, with zeros for the classes that are not there.
        """
        return label_linear(self.features, labels, self.fc_reg.weight, self.fc_reg.bias, self.num_classes)

    def dense(self) -> Tensor:
        """(N, C * B) deltas of every class, mmdet's `bbox_pred`."""
        return self.fc_reg(self.features)

    def __getattr__(self, name: str) -> NoReturn:
        """Say what to do where code of another head takes this for a tensor."""
        raise AttributeError(
            f'bbox_pred has no {name!r}: LongTailBBoxHead gives {type(self).__name__}, which compute deltas on demand; '
            'set reg_on_demand=False in the bbox_head for a RoI head that needs the tensor of all classes'
        )


def can_defer(fc_reg: nn.Module) -> TypeGuard[nn.Linear]:
    """Whether rows of a layer's weight say all about its outputs: a plain linear layer without hooks.

    Args:
        fc_reg: regression layer.

    Returns:
        False for layers with a formula of their own (`NormedLinear`, adapters), which need their forward; and while
        the model is traced or exported, which knows tensors only.
    """
    hooks = fc_reg._forward_pre_hooks or fc_reg._forward_hooks
    return type(fc_reg) is nn.Linear and not hooks and not is_recording()
