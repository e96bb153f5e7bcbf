"""The losses that PCB softens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from longtail_det.functional.kernels import eqlv2_kernel, pcb_softmax_kernel, selects_rows
from longtail_det.functional.losses import (
    eqlv2_soft_loss,
    one_hot,
    pcb_cross_entropy_term,
    pcb_softmax_loss,
    seesaw_shift,
)

from .base import RoIClassificationLoss
from .eqlv2 import EQLv2
from .seesaw_loss import SeesawLoss
from .softmax_loss import SoftmaxCE

#: (M, C) soft targets and their share
SoftTargets: TypeAlias = tuple[Tensor, Tensor]


class SoftBase(RoIClassificationLoss):
    """Mixin before a loss that takes soft targets for its foreground RoIs."""

    #: whether a row of the confusion matrix is a softmax over the classes, or holds sigmoids
    is_softmax = True
    #: labels of foreground RoIs -> their soft targets, or None as long as there are none; set by PCB
    soft_targets: Callable[[Tensor], SoftTargets | None]

    def confusion_scores(self, logits: Tensor) -> Tensor:
        """Return (M, C) scores of (M, C) class logits, as the confusion matrix holds them."""
        return logits.softmax(1) if self.is_softmax else logits.sigmoid()

    def foreground(self, labels: Tensor) -> Tensor:
        """Return (M,) int64, the foreground RoIs."""
        return (labels < self.num_classes).nonzero().squeeze(1)


class SoftSoftmax(SoftBase, SoftmaxCE):
    """Softmax cross entropy of the label, and the KL divergence of the soft target."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        if not selects_rows(logits):
            targets = self.soft_targets(labels.clamp(max=self.num_classes - 1))
            return super().loss(logits, labels) if targets is None else pcb_softmax_loss(logits, labels, *targets)
        classes, index = labels.unique(return_inverse=True)
        targets = self.soft_targets(classes[classes < self.num_classes])
        if targets is None:
            return super().loss(logits, labels)
        return pcb_softmax_kernel(logits, labels, index, *targets)


class SoftSeesaw(SoftBase, SeesawLoss):
    """Seesaw loss whose class part takes soft targets beside the label."""

    def _seesaw(self, logits: Tensor, label: Tensor) -> Tensor:
        targets = self.soft_targets(label)
        if targets is None:
            return super()._seesaw(logits, label)
        shifted = logits + seesaw_shift(logits, label, self._counts_so_far(), p=self.p, q=self.q, eps=self.eps)
        loss = F.cross_entropy(shifted, label, reduction='none')
        return loss + targets[1] * pcb_cross_entropy_term(shifted, label, targets[0].to(logits))


class SoftEQLv2(SoftBase, EQLv2):
    """EQLv2 whose targets, weights and accumulated gradients are softened."""

    is_softmax = False

    def weighted_loss(self, logits: Tensor, labels: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (N,) losses, and (C,) gradients of positives and of negatives."""
        select = selects_rows(logits)
        rows = self.foreground(labels) if select else torch.arange(len(labels), device=labels.device)
        own = labels[rows]
        targets = self.soft_targets(own.clamp(max=self.num_classes - 1))
        if targets is None:
            return super().weighted_loss(logits, labels, *weights)
        hard = one_hot(own, self.num_classes + 1).to(logits)
        share = targets[1] * (own < self.num_classes)[:, None]
        target = (1 - share) * hard + share * F.pad(targets[0].to(logits), (0, 1))
        positive, negative = (F.pad(w, (0, 1), value=1.0).to(logits) for w in weights)
        loss, *gradients = eqlv2_soft_loss(logits.index_select(0, rows), target, positive, negative)
        if not select:
            return loss.sum(1), gradients[0], gradients[1]
        rest = (labels == self.num_classes).nonzero().squeeze(1)
        others, *more = eqlv2_kernel(logits.index_select(0, rest), labels[rest], *weights)
        loss = torch.cat([loss.sum(1), others])[torch.cat([rows, rest]).argsort()]
        return loss, gradients[0] + more[0], gradients[1] + more[1]


#: what PCB can soften, by the name a config gives
BASES: dict[str, type[SoftBase]] = {'CrossEntropyLoss': SoftSoftmax, 'EQLv2': SoftEQLv2, 'SeesawLoss': SoftSeesaw}
