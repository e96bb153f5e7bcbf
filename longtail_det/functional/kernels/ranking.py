"""The ranking errors of GAP without the matrix of all pairs."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses as definitions
from .fused import selects_rows


class _GivenGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, grad_value: Tensor) -> tuple[Tensor, None, None]:
        return ctx.saved_tensors[0] * grad_value, None, None


def gap_kernel(
    logits: Tensor, labels: Tensor, class_weight: Tensor, *, delta: float = 0.5, scale: float = 1.0
) -> Tensor:
    """Return the error of `gap_loss`; its gradient in `logits` is that of `gap_loss` times `scale`.

    The ramp of a pair is a difference of two hinges, so what a positive sums over the negatives, and a negative over
    the positives, is piecewise linear. Each negative is looked up once among the sorted ends of the ramps; those
    below all of them are left out first.

    Args:
        logits: (N, C) class logits.
        labels: (N,) int64 in [0, C].
        class_weight: (C,).
        delta: half width of the ramp.
        scale: factor on the gradient.
    """
    value, gradient = _rank(logits.detach(), labels, class_weight, delta)
    return _GivenGradient.apply(logits, value, scale * gradient)


def _rank(x: Tensor, labels: Tensor, class_weight: Tensor, delta: float) -> tuple[Tensor, Tensor]:
    num_classes = x.size(1)
    rows = torch.arange(len(x), device=x.device)
    if selects_rows(x):
        rows = rows[labels < num_classes]
    if not len(rows):
        return x.new_zeros(()), torch.zeros_like(x)
    own = labels[rows].clamp(max=num_classes - 1)
    counts = (labels[rows] < num_classes).double()
    positive = x[rows, own]
    relation = definitions.gap_relation(positive - positive[:, None], delta=delta).double() * counts
    same = (own[:, None] == own) * counts
    negatives = _Ramps(x, torch.cat([positive - delta, positive + delta]))
    low, high = negatives.hinges().chunk(2)
    # the hinges run over all entries, positives too
    false = ((low - high) / (2 * delta) - relation.sum(1)).clamp(min=0)
    rank = (relation * same).sum(1) + false
    rank = torch.where(counts > 0, rank, 1.0)
    num_own = torch.zeros(num_classes, dtype=counts.dtype, device=x.device).index_add(0, own, counts)
    share = counts / (num_own[own].clamp(min=1) * (num_own > 0).sum().clamp(min=1))
    coefficient = share * class_weight.double()[own]
    slope = coefficient / rank / (2 * delta)
    gradient = negatives.slopes(torch.cat([slope, -slope]))
    own_gradient = torch.where(counts > 0, (-coefficient * false / rank).to(x), gradient[rows, own])
    return (share * false / rank).sum().to(x), gradient.index_put((rows, own), own_gradient)


class _Ramps:
    """Sums of hinges max(x - end, 0) between all entries of a matrix and few ends."""

    def __init__(self, x: Tensor, ends: Tensor) -> None:
        self.shape = x.shape
        self.ends, self.order = ends.sort()
        self.entries, self.kept = x.flatten(), None
        if selects_rows(x):
            self.kept = (self.entries > self.ends[0]).nonzero().squeeze(1)
            self.entries = self.entries[self.kept]
        #: number of ends below each entry
        self.place = torch.bucketize(self.entries, self.ends)

    def hinges(self) -> Tensor:
        """Return for each end, in the order given, the sum of the hinges of all entries, float64."""
        zeros = torch.zeros(len(self.ends) + 1, dtype=torch.float64, device=self.ends.device)
        total = zeros.index_add(0, self.place, self.entries.double())
        number = zeros.index_add(0, self.place, torch.ones_like(self.entries, dtype=torch.float64))
        above = [part.flip(0).cumsum(0).flip(0)[1:] for part in (total, number)]
        hinges = above[0] - self.ends.double() * above[1]
        return torch.empty_like(hinges).index_copy(0, self.order, hinges)

    def slopes(self, slope: Tensor) -> Tensor:
        """Return for each entry the sum over ends of slope times hinge, in the shape of the matrix.

        Args:
            slope: of each end, in the order given, float64.
        """
        slope = slope[self.order]
        rising, offset = (F.pad(part.cumsum(0), (1, 0)).to(self.entries) for part in (slope, slope * self.ends))
        values = rising[self.place].mul_(self.entries).sub_(offset[self.place])
        if self.kept is None:
            return values.view(self.shape)
        return values.new_zeros(self.shape.numel()).index_copy_(0, self.kept, values).view(self.shape)
