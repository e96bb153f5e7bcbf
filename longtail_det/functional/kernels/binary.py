"""Sum over columns of weighted binary cross entropies; what SigmoidCE, EQL, DropLoss, EQLv2, GumbelCE and CRA share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..activations import Activation
from .activations import terms_of
from .fused import fused_loss, is_compiling

#: rows of a block -> (n, K) float, 1 for the negative terms that count and 0 for the others; made anew each time.
#: Not bool: a product with floats is several times faster than filling under a mask.
Kept = Callable[[slice], Tensor]


class BinaryKernel:
    """Binary cross entropy of every column against the one-hot label, weighted and summed over columns.

    Args:
        logits: (N, K) float; K = C (background is 'no column') or K = C + 1 (background has its own).
        labels: (N,) int64 in [0, K), or with `kept` in [0, K]; a label K has no positive column.
        activation: from logit to probability.
        kept: tells which terms -log(1 - p) count, by block of rows; None is all.
        negative_weight: (K,) weight of the terms -log(1 - p); None is 1.
        positive_weight: (K,) weight of the term -log p of the label's column; None is 1.
        sums_gradients: also sum the gradients of the negative terms over RoIs, into `negative_sums`.
        lean: compute a cheap gradient again in the backward pass: less memory, more time.
    """

    def __init__(
        self,
        logits: Tensor,
        labels: Tensor,
        activation: Activation,
        *,
        kept: Kept | None = None,
        negative_weight: Tensor | None = None,
        positive_weight: Tensor | None = None,
        sums_gradients: bool = False,
        lean: bool = False,
    ) -> None:
        self.terms = terms_of(activation)
        self.kept = kept
        self.negative_weight = negative_weight
        self.keeps_gradient = not (lean and self.terms.cheap_gradient)
        #: (N, 1) column of the label, and 1 where it has none
        self.columns = labels.clamp(max=logits.size(1) - 1)[:, None]
        absent = (labels >= logits.size(1))[:, None]
        self.absent = absent.to(logits.dtype)
        #: (N, 1) term of that column, and its derivative; zero without a column
        weight = 1.0 if positive_weight is None else positive_weight[self.columns]
        self.positive, self.positive_gradient = (
            (term * weight).masked_fill_(absent, 0.0)
            for term in self.terms.at(self.columns).positive(logits.detach().gather(1, self.columns))
        )
        #: (K,) sum over RoIs of the weighted derivatives of the negative terms, once the loss is evaluated
        self.negative_sums = logits.new_zeros(logits.size(1)) if sums_gradients else None

    def value(self, x: Tensor, rows: slice) -> Tensor:
        """Return (n,) losses."""
        # the gradients are summed also where nobody asks for the gradient of the loss
        method = self._sums if self.negative_sums is None else self.both
        return method(x, rows, x.new_empty(x.shape))

    def gradient(self, x: Tensor, rows: slice) -> Tensor:
        """Return (n, K) derivatives."""
        return self._finish(self._leave_out(rows)(self.terms.negative_gradient(x)), rows)

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        """Return (n,) losses; the (n, K) derivatives are written into `gradient`."""
        value = self._sums(x, rows, gradient)
        if self.negative_sums is not None:
            sums = gradient.sum(0)
            self.negative_sums += sums if self.negative_weight is None else sums.mul_(self.negative_weight)
        self._finish(gradient, rows)
        return value

    def _sums(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        value = self.terms.negative_sums(x, gradient, self._leave_out(rows), self.negative_weight)
        return value.add_(self.positive[rows, 0])

    def _finish(self, gradient: Tensor, rows: slice) -> Tensor:
        if self.negative_weight is not None:
            gradient.mul_(self.negative_weight)
        # what was left out is zero, the label's own column with it
        return gradient.scatter_add_(1, self.columns[rows], self.positive_gradient[rows])

    def _leave_out(self, rows: slice) -> Callable[[Tensor], Tensor]:
        """Return a function that clears what does not count, and the label's own column, which is no negative."""
        own = self.columns[rows]
        if self.kept is None:
            return lambda matrix: matrix.scatter_(1, own, 0.0)
        kept = self.kept(rows)
        kept.scatter_(1, own, kept.gather(1, own).mul_(self.absent[rows]))
        return lambda matrix: matrix.mul_(kept)


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
