"""Sum over columns of weighted binary cross entropies; what SigmoidCE, EQL, DropLoss, EQLv2, GumbelCE and CRA share."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .activations import Link
from .fused import fused_loss

#: rows of a block -> (n, K) float, 1 for the negative terms that count and 0 for the others; made anew each time.
#: Not bool: a product with floats is several times faster than filling under a mask.
Kept = Callable[[slice], Tensor]


class _BinaryKernel:
    """The kernel of `binary_loss`; its arguments are those."""

    def __init__(
        self,
        logits: Tensor,
        labels: Tensor,
        link: Link,
        kept: Kept | None,
        negative_weight: Tensor | None,
        positive_weight: Tensor | None,
        column_gradients: tuple[Tensor, Tensor] | None,
        keeps_gradient: bool,
    ) -> None:
        self.link = link
        self.kept = kept
        self.negative_weight = negative_weight
        self.column_gradients = column_gradients
        self.keeps_gradient = keeps_gradient
        #: (N, 1) column of the label, and 1 where it has none
        self.columns = labels.clamp(max=logits.size(1) - 1)[:, None]
        absent = (labels >= logits.size(1))[:, None]
        self.absent = absent.to(logits.dtype)
        #: (N, 1) term of that column, and its derivative; zero without a column
        weight = 1.0 if positive_weight is None else positive_weight[self.columns]
        self.positive, self.positive_gradient = (
            (term * weight).masked_fill_(absent, 0.0)
            for term in link.at(self.columns).positive(logits.gather(1, self.columns))
        )
        if column_gradients is not None:
            column_gradients[0].scatter_add_(0, self.columns[:, 0], self.positive_gradient.neg()[:, 0])

    def value(self, x: Tensor, rows: slice) -> Tensor:
        # the columns are counted also where nobody asks for the gradient of the loss
        method = self._sums if self.column_gradients is None else self.both
        return method(x, rows, x.new_empty(x.shape))

    def gradient(self, x: Tensor, rows: slice) -> Tensor:
        return self._finish(self._leave_out(rows)(self.link.negative_gradient(x)), rows)

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        value = self._sums(x, rows, gradient)
        if self.column_gradients is not None:
            sums = gradient.sum(0)
            self.column_gradients[1].add_(sums if self.negative_weight is None else sums.mul_(self.negative_weight))
        self._finish(gradient, rows)
        return value

    def _sums(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        value = self.link.negative_sums(x, gradient, self._leave_out(rows), self.negative_weight)
        return value.add_(self.positive[rows, 0])

    def _finish(self, gradient: Tensor, rows: slice) -> Tensor:
        if self.negative_weight is not None:
            gradient.mul_(self.negative_weight)
        # what was left out is zero, the label's own column with it
        return gradient.scatter_add_(1, self.columns[rows], self.positive_gradient[rows])

    def _leave_out(self, rows: slice) -> Callable[[Tensor], Tensor]:
        """Give a function that clears what does not count, and the label's own column, which is no negative."""
        own = self.columns[rows]
        if self.kept is None:
            return lambda matrix: matrix.scatter_(1, own, 0.0)
        kept = self.kept(rows)
        kept.scatter_(1, own, kept.gather(1, own).mul_(self.absent[rows]))
        return lambda matrix: matrix.mul_(kept)


def binary_loss(
    logits: Tensor,
    labels: Tensor,
    link: Link,
    *,
    kept: Kept | None = None,
    negative_weight: Tensor | None = None,
    positive_weight: Tensor | None = None,
    column_gradients: tuple[Tensor, Tensor] | None = None,
    keeps_gradient: bool = True,
) -> Tensor:
    """Binary cross entropy of every column against the one-hot label, weighted and summed over columns.

    Args:
        logits: (N, K) float; K = C (background is 'no column') or K = C + 1 (background has its own).
        labels: (N,) int64 in [0, K), or with `kept` in [0, K]; a label K has no positive column.
        link: from logit to probability.
        kept: tells which terms -log(1 - p) count, by block of rows; None is all.
        negative_weight: (K,) weight of the terms -log(1 - p); None is 1.
        positive_weight: (K,) weight of the term -log p of the label's column; None is 1.
        column_gradients: two (K,) tensors to which the sums over RoIs of the absolute gradients of the positive
            and of the negative terms are added (the statistics of EQLv2).
        keeps_gradient: False computes it again in the backward pass: less memory, more time. `kept` is then asked
            twice and must answer the same.

    Returns:
        (N,) loss in nats.
    """
    kernel = _BinaryKernel(
        logits.detach(), labels, link, kept, negative_weight, positive_weight, column_gradients, keeps_gradient
    )
    return fused_loss(logits, kernel)
