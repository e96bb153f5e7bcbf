"""Sum over columns of weighted binary cross entropies; what SigmoidCE, EQL, DropLoss, EQLv2, GumbelCE and CRA share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .fused import fused_loss
from .links import Link

#: rows of a block -> weight of each of its negative terms, broadcastable to (n, K); None is 1
NegativeWeight = Callable[[slice], Tensor]


def binary_loss(
    logits: Tensor,
    labels: Tensor,
    link: Link,
    *,
    negative_weight: NegativeWeight | None = None,
    positive_weight: Tensor | None = None,
    column_gradients: tuple[Tensor, Tensor] | None = None,
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

    Returns:
        (N,) loss in nats.
    """
    num_columns = logits.size(1)
    columns = labels.clamp(max=num_columns - 1)[:, None]
    no_column = (labels >= num_columns)[:, None]

    def kernel(x: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        value, gradient = link.negative(x)
        if negative_weight is not None:
            weight = negative_weight(rows)
            value.mul_(weight)
            gradient.mul_(weight)
        own, absent = columns[rows], no_column[rows]
        positive_value, positive_gradient = link.at(own).positive(x.gather(1, own))
        if positive_weight is not None:
            positive_value = positive_value * positive_weight[own]
            positive_gradient = positive_gradient * positive_weight[own]
        if column_gradients is not None:
            _add_columns(column_gradients, gradient, positive_gradient, own, absent)
        value.scatter_(1, own, torch.where(absent, value.gather(1, own), positive_value))
        gradient.scatter_(1, own, torch.where(absent, gradient.gather(1, own), positive_gradient))
        return value.sum(1), gradient

    return fused_loss(logits, kernel)


def _add_columns(
    sums: tuple[Tensor, Tensor], gradient: Tensor, positive_gradient: Tensor, own: Tensor, absent: Tensor
) -> None:
    positive_sum, negative_sum = sums
    positive_sum.scatter_add_(0, own[:, 0], torch.where(absent, 0.0, -positive_gradient)[:, 0])
    negative_sum.add_(gradient.sum(0))
    negative_sum.scatter_add_(0, own[:, 0], torch.where(absent, 0.0, -gradient.gather(1, own))[:, 0])
