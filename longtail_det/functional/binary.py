"""Sum over columns of weighted binary cross entropies; what SigmoidCE, EQL, DropLoss, EQLv2, GumbelCE and CRA share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .fused import fused_loss
from .links import Link

#: rows of a block -> weight of each of its negative terms, broadcastable to (n, K); None is 1
NegativeWeight = Callable[[slice], Tensor]


class _BinaryKernel:
    """The kernel of `binary_loss`; its arguments are those."""

    def __init__(
        self,
        logits: Tensor,
        labels: Tensor,
        link: Link,
        negative_weight: NegativeWeight | None,
        positive_weight: Tensor | None,
        column_gradients: tuple[Tensor, Tensor] | None,
        keeps_gradient: bool,
    ) -> None:
        self.link = link
        self.negative_weight = negative_weight
        self.column_gradients = column_gradients
        self.keeps_gradient = keeps_gradient
        #: (N, 1) column of the label, and whether it has none
        self.columns = labels.clamp(max=logits.size(1) - 1)[:, None]
        self.absent = (labels >= logits.size(1))[:, None]
        #: (N, 1) term of that column, and its derivative
        self.positive = link.at(self.columns).positive(logits.gather(1, self.columns))
        if positive_weight is not None:
            weight = positive_weight[self.columns]
            self.positive = (self.positive[0] * weight, self.positive[1] * weight)

    def value(self, x: Tensor, rows: slice) -> Tensor:
        if self.column_gradients is not None:
            return self.both(x, rows)[0]
        value = self._weighted(self.link.negative_value(x), rows)
        return self._put(value, self.positive[0][rows], rows).sum(1)

    def gradient(self, x: Tensor, rows: slice) -> Tensor:
        gradient = self._weighted(self.link.negative_gradient(x), rows)
        return self._put(gradient, self.positive[1][rows], rows)

    def both(self, x: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        value, gradient = self.link.negative(x)
        weight = None if self.negative_weight is None else self.negative_weight(rows)
        if weight is not None:
            value.mul_(weight)
            gradient.mul_(weight)
        positive_value, positive_gradient = (term[rows] for term in self.positive)
        if self.column_gradients is not None:
            self._add_columns(gradient, positive_gradient, rows)
        return (
            self._put(value, positive_value, rows).sum(1),
            self._put(gradient, positive_gradient, rows),
        )

    def _weighted(self, matrix: Tensor, rows: slice) -> Tensor:
        return matrix if self.negative_weight is None else matrix.mul_(self.negative_weight(rows))

    def _put(self, matrix: Tensor, own_value: Tensor, rows: slice) -> Tensor:
        """Replace the negative term in the label's column by the positive one."""
        own = self.columns[rows]
        return matrix.scatter_(1, own, torch.where(self.absent[rows], matrix.gather(1, own), own_value))

    def _add_columns(self, gradient: Tensor, positive_gradient: Tensor, rows: slice) -> None:
        assert self.column_gradients is not None
        positive_sum, negative_sum = self.column_gradients
        own, absent = self.columns[rows], self.absent[rows]
        positive_sum.scatter_add_(0, own[:, 0], torch.where(absent, 0.0, -positive_gradient)[:, 0])
        # the label's own column is no negative
        negative_sum.add_(self._put(gradient, torch.zeros_like(positive_gradient), rows).sum(0))


def binary_loss(
    logits: Tensor,
    labels: Tensor,
    link: Link,
    *,
    negative_weight: NegativeWeight | None = None,
    positive_weight: Tensor | None = None,
    column_gradients: tuple[Tensor, Tensor] | None = None,
    random_weight: bool = False,
) -> Tensor:
    """Binary cross entropy of every column against the one-hot label, weighted and summed over columns.

    Args:
        logits: (N, K) float; K = C (background is 'no column') or K = C + 1 (background has its own).
        labels: (N,) int64 in [0, K]; a label K has no positive column.
        link: from logit to probability.
        negative_weight: weight of the terms -log(1 - p), by block of rows.
        positive_weight: (K,) weight of the term -log p of the label's column; None is 1.
        column_gradients: two (K,) tensors to which the sums over RoIs of the absolute gradients of the positive
            and of the negative terms are added (the statistics of EQLv2).
        random_weight: `negative_weight` draws anew at each call, so it may be asked only once.

    Returns:
        (N,) loss in nats.
    """
    keeps_gradient = random_weight or not link.cheap_gradient
    kernel = _BinaryKernel(
        logits.detach(), labels, link, negative_weight, positive_weight, column_gradients, keeps_gradient
    )
    return fused_loss(logits, kernel)
