"""The ranking errors of GAP without the matrix of all pairs."""

from __future__ import annotations

import math
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
    the positives, is piecewise linear between the ends of the ramps. On a CPU the many float32 logits of a step are
    counted on a grid, and their gradient is looked up there; a logit moves by at most 2^-13 of `delta`. A few logits,
    float64, a wide spread of positives and a GPU search among the sorted ends.

    Args:
        logits: (N, K) logits, K >= C; the first C columns are those of the classes.
        labels: (N,) int64 in [0, C], or a label of none of the C classes.
        class_weight: (C,).
        delta: half width of the ramp.
        scale: factor on the gradient.
    """
    value, gradient = _rank(logits.detach(), labels, class_weight * scale, delta)
    return _GivenGradient.apply(logits, value, gradient)


def _rank(x: Tensor, labels: Tensor, class_weight: Tensor, delta: float) -> tuple[Tensor, Tensor]:
    num_classes = class_weight.numel()
    rows = torch.arange(len(x), device=x.device)
    if selects_rows(x):
        rows = rows[labels < num_classes]
    if not len(rows):
        return x.new_zeros(()), torch.zeros_like(x)
    own = labels[rows].clamp(max=num_classes - 1)
    counts = (labels[rows] < num_classes).to(x)
    positive = x[rows, own]
    relation = definitions.gap_relation(positive - positive[:, None], delta=delta) * counts
    same = relation * (own[:, None] == own).to(x)
    negatives = _all_entries(x, torch.cat([positive - delta, positive + delta]), num_classes, delta)
    low, high = negatives.hinges().chunk(2)
    # the hinges run over all entries, positives too
    false = ((low - high) / (2 * delta) - relation.sum(1, dtype=torch.float64)).clamp(min=0)
    rank = same.sum(1, dtype=torch.float64) + false
    rank = torch.where(counts > 0, rank, 1.0)
    num_own = torch.zeros(num_classes, dtype=torch.float64, device=x.device).index_add(0, own, counts.double())
    share = counts / (num_own[own].clamp(min=1) * (num_own > 0).sum().clamp(min=1))
    coefficient = share * class_weight.double()[own]
    slope = coefficient / rank / (2 * delta)
    gradient = negatives.slopes(torch.cat([slope, -slope]))
    own_gradient = torch.where(counts > 0, (-coefficient * false / rank).to(x), gradient[rows, own])
    return (share * false / rank).sum().to(x), gradient.index_put_((rows, own), own_gradient)


def _all_entries(x: Tensor, ends: Tensor, num_classes: int, delta: float) -> _Ramps | _Grid:
    if selects_rows(x) and x.dtype == torch.float32 and x.numel() > _FEW_ENTRIES:
        low, high = (float(end) for end in ends.aminmax())
        nodes = min(x.numel() // 8, _MOST_NODES)
        step = 2.0 ** math.ceil(math.log2((high - low) / nodes)) if math.isfinite(high - low) else math.inf
        # a sum that is not finite says that a logit is not
        if step <= delta * 2**-12 and bool(x.sum().isfinite()):
            return _Grid(x, ends, num_classes, step)
    return _Ramps(x, ends, num_classes)


#: entries of a matrix that are looked up one by one
_FEW_ENTRIES = 2**15
#: nodes of the largest grid; a table of half a megabyte
_MOST_NODES = 2**17


class _Grid:
    """Sums of hinges max(x - end, 0) between the class columns of a matrix, rounded to a grid, and few ends.

    Args:
        x: (N, K) float32.
        ends: (E,).
        num_classes: columns that count.
        step: of the grid, a power of 2: logits of half precision seldom move.
    """

    def __init__(self, x: Tensor, ends: Tensor, num_classes: int, step: float) -> None:
        low, high = (math.floor(float(end) / step) for end in ends.aminmax())
        self.step = step
        self.shape = x.shape
        #: (E,) place of each end on the grid, and the node below it
        self.ends = ends.double() / step - low
        self.below = self.ends.long()
        self.node = torch.arange(high - low + 2, dtype=torch.float64)
        place = torch.add(x.new_tensor(0.5 - low), x, alpha=1 / step).clamp_(0, high - low + 1)
        place[:, num_classes:] = 0  # at the first node no hinge has begun
        self.place = place.to(torch.int32).flatten()

    def hinges(self) -> Tensor:
        """Return for each end, in the order given, the sum of the hinges of all entries, float64."""
        number = self.place.bincount(minlength=self.node.numel()).double()
        sums = torch.stack([number, number * self.node]).cumsum_(1)
        number, total = sums[:, -1:] - sums[:, self.below]
        return (total - self.ends * number) * self.step

    def slopes(self, slope: Tensor) -> Tensor:
        """Return for each entry the sum over ends of slope times hinge, in the shape of the matrix.

        Args:
            slope: of each end, in the order given, float64.
        """
        begun = slope.new_zeros(2, self.node.numel())
        begun.index_add_(1, self.below + 1, torch.stack([slope, slope * self.ends])).cumsum_(1)
        table = (begun[0] * self.node - begun[1]) * self.step
        return table.float().index_select(0, self.place).view(self.shape)


class _Ramps:
    """The same of all entries as they are."""

    def __init__(self, x: Tensor, ends: Tensor, num_classes: int) -> None:
        self.shape = x.shape
        x = x[:, :num_classes]
        self.num_classes = num_classes
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
        if self.kept is not None:
            zeros = values.new_zeros(self.shape[0] * self.num_classes)
            values = zeros.index_copy_(0, self.kept, values)
        return F.pad(values.view(-1, self.num_classes), (0, self.shape[1] - self.num_classes))
