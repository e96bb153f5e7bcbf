"""Equalized focal losses with their closed-form gradients, and the sums of these that move the focus."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses as definitions
from .fused import fused_loss, is_compiling


class FocalKernel:
    """Focal terms of negatives in every column, and the term of each positive in its own.

    Args:
        logits: (A, C).
        labels: (A,) int64 in [0, C].
        focus: (C,) gamma_j.
        gamma: of a balanced class.
        alpha: weight of positives of the focal loss; None weighs all terms 1.
        iou: (A,) quality of positives; None is the focal loss, of quality 1.
        row_weight: (A,) weight of each anchor in the sums of gradients.
    """

    def __init__(
        self,
        logits: Tensor,
        labels: Tensor,
        focus: Tensor,
        *,
        gamma: float,
        alpha: float | None,
        iou: Tensor | None,
        row_weight: Tensor | None,
    ) -> None:
        num_classes = logits.size(1)
        focus = focus.to(logits)
        self.focus = focus
        self.factor = focus / gamma * (1 if alpha is None else 1 - alpha)
        self.row_weight = logits.new_ones(len(logits)) if row_weight is None else row_weight.to(logits)
        self.columns = labels.clamp(max=num_classes - 1)[:, None]
        self.absent = (labels >= num_classes)[:, None]
        own, own_focus = logits.detach().gather(1, self.columns), focus[self.columns]
        terms = _positive(own, own_focus) if iou is None else _quality(own, own_focus, iou.to(logits)[:, None])
        weight = own_focus / gamma * (1 if alpha is None else alpha)
        #: (A, 1) terms of positives, and their derivatives; zero for background
        self.positive, self.positive_gradient = ((weight * term).masked_fill(self.absent, 0.0) for term in terms)
        #: (C,) sums over anchors of the absolute derivatives of negatives, once the loss is evaluated
        self.negative_sums = logits.new_zeros(num_classes)
        weighted = self.row_weight * self.positive_gradient[:, 0].abs()
        self.positive_sums = logits.new_zeros(num_classes).index_add(0, self.columns[:, 0], weighted)

    def value(self, x: Tensor, rows: slice) -> Tensor:
        """Return (n,) losses."""
        return self.both(x, rows, torch.empty_like(x))

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        """Return (n,) losses; the (n, C) derivatives are written into `gradient`."""
        own, present = self.columns[rows], (~self.absent[rows]).to(x)
        softplus = F.softplus(x)
        power = torch.sub(x, softplus).mul_(self.focus).exp_().mul_(self.factor)  # p^gamma_j
        # a positive's own column is no negative
        power.scatter_(1, own, power.gather(1, own) * (1 - present))
        p = torch.sigmoid(x)
        torch.mul(softplus, self.focus, out=gradient)
        gradient.mul_(1 - p).add_(p).mul_(power)
        self.negative_sums += self.row_weight[rows] @ gradient
        gradient.scatter_add_(1, own, self.positive_gradient[rows])
        return (power * softplus).sum(1) + self.positive[rows, 0]


def _positive(x: Tensor, focus: Tensor) -> tuple[Tensor, Tensor]:
    log_p, p = F.logsigmoid(x), x.sigmoid()
    power = (focus * F.logsigmoid(-x)).exp()
    return -power * log_p, power * (focus * p * log_p - (1 - p))


def _quality(x: Tensor, focus: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
    p = x.sigmoid()
    difference = p - quality
    entropy = F.binary_cross_entropy_with_logits(x, quality, reduction='none')
    power = difference.abs() ** (focus - 1)
    slope = power * (difference.abs() * difference + focus * difference.sign() * p * (1 - p) * entropy)
    return power * difference.abs() * entropy, slope


def focal_kernel(
    logits: Tensor,
    labels: Tensor,
    focus: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    iou: Tensor | None = None,
    row_weight: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute `efl_loss`, or with `iou` `eqfl_loss`, summed over columns, and the gradients it accumulates.

    Args:
        logits: (A, C) raw scores of the anchors.
        labels: (A,) int64 in [0, C]; C is background.
        focus: (C,) gamma_j.
        gamma: of a balanced class.
        alpha: weight of positives of `efl_loss`; None for `eqfl_loss`.
        iou: (A,) quality of positives; None for `efl_loss`.
        row_weight: (A,) weight of each anchor in the sums; None is 1.

    Returns:
        (A,) losses, and (C,) sums over anchors of the absolute derivatives of positives and of negatives.
    """

    def definition(x: Tensor) -> Tensor:
        if iou is not None:
            return definitions.eqfl_loss(x, labels, iou, focus, gamma=gamma).sum(1)
        assert alpha is not None
        return definitions.efl_loss(x, labels, focus, gamma=gamma, alpha=alpha).sum(1)

    kernel = FocalKernel(logits, labels, focus, gamma=gamma, alpha=alpha, iou=iou, row_weight=row_weight)
    if is_compiling():
        kernel.value(logits.detach(), slice(0, len(logits)))
        loss = definition(logits)
    else:
        loss = fused_loss(logits, kernel, definition)
    return loss, kernel.positive_sums, kernel.negative_sums.clone()
