"""Sum over columns of weighted binary cross entropies: what all losses of independent columns share, but FedLoss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..activations import Activation
from .activations import MUTED, terms_of
from .fused import fused_loss, is_compiling

#: (n, K) logits of a block and which rows they are -> (n, K) new, what the activation sees in the columns that are not
#: the label's; MUTED where a term does not count
Inputs = Callable[[Tensor, slice], Tensor]


class BinaryKernel:
    """Binary cross entropy of every column against the one-hot label, weighted and summed over columns.

    Args:
        logits: (N, K) float; K = C (background is 'no column') or K = C + 1 (background has its own).
        labels: (N,) int64 in [0, K); without `background` also K, which has no positive column.
        activation: from logit to probability.
        background: whether background has a column of its own.
        inputs: gives the inputs of the activation by block of rows; by default the logits, and every term counts.
        own: (N,) input in the label's column; by default the logit there.
        slope: derivative of the inputs in the logits.
        negative_weight: (K,) weight of the terms -log(1 - p); None is 1.
        positive_weight: (K,) weight of the term -log p of the label's column; None is 1.
        sums_gradients: also sum the gradients of the negative terms over RoIs, into `negative_sums`.
    """

    def __init__(
        self,
        logits: Tensor,
        labels: Tensor,
        activation: Activation,
        *,
        background: bool = True,
        inputs: Inputs | None = None,
        own: Tensor | None = None,
        slope: float = 1.0,
        negative_weight: Tensor | None = None,
        positive_weight: Tensor | None = None,
        sums_gradients: bool = False,
    ) -> None:
        self.terms = terms_of(activation)
        self.inputs = inputs
        self.slope = slope
        self.negative_weight = negative_weight
        if background:
            columns, absent = labels[:, None], None
        else:
            columns, absent = labels.clamp(max=logits.size(1) - 1)[:, None], (labels >= logits.size(1))[:, None]
        #: (N, 1) column of the label, any where it has none
        self.columns = columns
        #: (N, 1) what mutes the label's own column, which is no negative
        self.mute = logits.new_full(columns.shape, MUTED)
        #: (N, 1) term of that column, and its derivative; zero without a column
        self.positive, self.positive_gradient = self.terms.at(columns).positive(
            logits.detach().gather(1, columns) if own is None else own[:, None]
        )
        if positive_weight is not None:
            weight = positive_weight[columns]
            self.positive, self.positive_gradient = self.positive * weight, self.positive_gradient * weight
        if slope != 1:
            self.positive_gradient = self.positive_gradient * slope
        if absent is not None:
            for term in (self.mute, self.positive, self.positive_gradient):
                term.masked_fill_(absent, 0.0)
        #: (K,) sum over RoIs of the weighted derivatives of the negative terms, once the loss is evaluated
        self.negative_sums = logits.new_zeros(logits.size(1)) if sums_gradients else None

    def value(self, x: Tensor, rows: slice) -> Tensor:
        """Return (n,) losses."""
        # the gradients are summed also where nobody asks for the gradient of the loss
        method = self._sums if self.negative_sums is None else self.both
        return method(x, rows, x.new_empty(x.shape))

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        """Return (n,) losses; the (n, K) derivatives are written into `gradient`."""
        value = self._sums(x, rows, gradient)
        if self.negative_sums is not None:
            sums = gradient.sum(0)
            self.negative_sums += sums if self.negative_weight is None else sums.mul_(self.negative_weight)
        if self.negative_weight is not None:
            gradient.mul_(self.slope * self.negative_weight)
        elif self.slope != 1:
            gradient.mul_(self.slope)
        # what is muted is zero, the label's own column with it
        gradient.scatter_add_(1, self.columns[rows], self.positive_gradient[rows])
        return value

    def _inputs(self, x: Tensor, rows: slice) -> Tensor:
        inputs = x.clone() if self.inputs is None else self.inputs(x, rows)
        return inputs.scatter_add_(1, self.columns[rows], self.mute[rows])

    def _sums(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        return self.terms.negative_sums(self._inputs(x, rows), gradient, self.negative_weight).add_(
            self.positive[rows, 0]
        )


def binary_loss(
    definition: Callable[[Tensor], Tensor], logits: Tensor, labels: Tensor, activation: Activation, **options: Any
) -> Tensor:
    """Return a loss evaluated by `BinaryKernel`.

    Args:
        definition: the same in plain torch: logits -> (N, K) terms.
        logits: (N, K) float.
        labels: (N,) int64.
        activation: from logit to probability.
        options: further arguments of `BinaryKernel`.

    Returns:
        (N,) loss in nats, summed over columns.
    """
    if is_compiling():
        return definition(logits).sum(1)
    kernel = BinaryKernel(logits, labels, activation, **options)
    return fused_loss(logits, kernel, lambda x: definition(x).sum(1))
