"""PCB, the pairwise class balance regularizer (He et al., CVPR 2022)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from longtail_det.checks import one_of, probability, whole
from longtail_det.functional.kernels import is_compiling, selects_rows
from longtail_det.functional.losses import pcb_soft_target, pcb_update

from .base import AvgFactor
from .pcb_bases import BASES, SoftBase, SoftTargets
from .synced_rows import SyncedRows
from .wrapper_loss import WrapperLoss


class PCB(SyncedRows, WrapperLoss):
    """Pairwise class balance (He et al., CVPR 2022): targets softened by a confusion matrix.

    Row y of the matrix M is a running mean of the scores that RoIs of class y give to the classes. A foreground RoI of
    class y learns, beside its label, the soft target t_i = M_iy / sum_k M_ky: of what is taken for y, who it is.

    - CrossEntropyLoss: (1 - alpha) CE(y) + alpha KL(t || p); t is 0 for background.
    - SeesawLoss: the class part is (1 - alpha) CE(y) + alpha CE(t) of the shifted logits; the shift keeps the label.
    - EQLv2: the target is (1 - alpha) onehot(y) + alpha t, also in its weights and accumulated gradients; M holds
      sigmoids, and its column is not divided.

    Background RoIs learn as without PCB. It starts in epoch `start_epoch` and once every class was seen; until then
    only the matrix is kept. In one pass (n_iter = 1) its strength is alpha; `IterativeBBoxHead` has more passes. In a
    step the matrix includes the batch itself; with `StatisticsSyncHook` it is then that of all ranks.

    Args:
        num_classes: foreground classes C, at most 4096.
        base: `dict(type='CrossEntropyLoss')`, `dict(type='SeesawLoss')` or `dict(type='EQLv2')` with its options.
        alpha: strength; the authors' are 0.4 softmax, 0.2 EQLv2, 0.05 Seesaw.
        momentum: of the rows of the matrix.
        start_epoch: epoch of the start, counted from 1; `LossEpochHook` tells the epoch (or `set_epoch`).
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: another base, a value out of range, or too many classes for a table of C x C.
    """

    #: `IterativeBBoxHead` passes `pass_share`
    takes_pass_share = True
    base: SoftBase
    confusion: Tensor
    class_count: Tensor

    def __init__(
        self,
        num_classes: int,
        base: Mapping[str, Any],
        alpha: float,
        momentum: float = 0.99,
        start_epoch: int = 17,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        options = dict(base)
        kind = options.pop('type', None)
        one_of('base type', kind, sorted(BASES))
        self.alpha = probability('alpha', alpha)
        self.momentum = probability('momentum', momentum)
        self.start_epoch = whole('start_epoch', start_epoch, 0)
        #: 0 until `set_epoch`
        self.epoch = 0
        #: of the last call of `forward`
        self.pass_share = 1.0
        self._warned = False
        self.init_rows(num_classes)
        self.register_buffer('confusion', torch.zeros(num_classes, num_classes))
        self.register_buffer('class_count', torch.zeros(num_classes))
        self.base = BASES[kind](**{'num_classes': num_classes, **options})
        self.get_cls_channels(self.base.num_classes)
        self.base.soft_targets = self.soft_targets
        self.extra_channels = self.base.extra_channels

    def set_epoch(self, epoch: int) -> None:
        """Take the number of the epoch that begins (called by `LossEpochHook`).

        Args:
            epoch: counted from 1.
        """
        self.epoch = epoch

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
        pass_share: float = 1.0,
    ) -> Tensor | dict[str, Tensor]:
        """Return the reduced loss in the form of the base; in training mode move the matrix first.

        Args:
            cls_score: (N, columns of the base) logits, any float dtype; half precision is computed in float32.
            label: (N,) int64 in [0, C], C = background.
            weight: (N,) factor per RoI.
            avg_factor: what 'mean' divides by; by default the number of RoIs.
            reduction_override: takes the place of `reduction` for this call.
            pass_share: k / (n_iter - 1) in pass k of an iterative head, a factor on alpha; the matrix moves by the last
                pass alone, where it is 1.

        Returns:
            What the base returns: a scalar, (N,) for reduction 'none', or parts by name.
        """
        reduction = self._reduction(reduction_override, avg_factor)
        self.pass_share = pass_share
        if self.training and pass_share == 1:
            self._warn_without_epoch()
            logits = self.check_logits(cls_score.detach())[:, : self.num_classes]
            rows = (label < self.num_classes).nonzero().squeeze(1) if selects_rows(logits) else slice(None)
            self.add_rows(label[rows], self.base.confusion_scores(logits[rows]))
        loss = self.base(cls_score, label, weight, avg_factor, reduction)
        if isinstance(loss, dict):
            return {name: self.loss_weight * part for name, part in loss.items()}
        return self.loss_weight * loss

    def _warn_without_epoch(self) -> None:
        if self.epoch or self.start_epoch <= 0 or self._warned or is_compiling():
            return
        self._warned = True
        logging.getLogger(__name__).warning(
            f'PCB: off, as nobody told it the epoch, and it waits for epoch {self.start_epoch}; expected '
            "dict(type='LossEpochHook') in custom_hooks, or start_epoch=0 to begin at once"
        )

    def soft_targets(self, labels: Tensor) -> SoftTargets | None:
        """Return the soft target of each RoI, and its share, 0 as long as a class was not seen.

        Args:
            labels: (M,) int64 in [0, C).

        Returns:
            (M, C) targets and a scalar, or None before `start_epoch`.
        """
        if self.epoch < self.start_epoch or not self.pass_share:
            return None
        count, column = self.class_count, self.confusion.index_select(1, labels).t()
        if self.training and self.statistics_deferred:
            pending = self.pending_statistics()
            count = count + pending
            classes = self.classes_of(pending)
            rows = self._moved(classes, pending[classes], self.pending_rows(pending))
            column = column.index_copy(1, classes, rows.index_select(1, labels).t())
        soft = pcb_soft_target(column) if self.base.is_softmax else column
        return soft, self.alpha * self.pass_share * (count > 0).all()

    def _moved(self, classes: Tensor, counts: Tensor, sums: Tensor) -> Tensor:
        rows = self.confusion.index_select(0, classes)
        moved = pcb_update(rows, counts.clamp(min=1), sums, momentum=self.momentum, normalize=self.base.is_softmax)
        return torch.where(counts[:, None] > 0, moved, rows)

    def apply_rows(self, classes: Tensor, counts: Tensor, sums: Tensor) -> None:
        """Move the rows of (P,) classes by (P,) counts and (P, C) sums of scores."""
        self.confusion.index_copy_(0, classes, self._moved(classes, counts, sums))
        self.class_count.index_add_(0, classes, counts)

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'{super().extra_repr()}, alpha={self.alpha}, start_epoch={self.start_epoch}'
