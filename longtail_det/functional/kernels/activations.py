"""The two terms of a binary cross entropy, -log p and -log(1 - p), each with its derivative, by activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..activations import GUMBEL_LEFT, GUMBEL_RIGHT, Activation, ClassRelative, Gumbel, Sigmoid

#: input of a negative term that does not count: the sigmoid and the Gumbel CDF, their -log(1 - p) and its derivative
#: vanish here (to 2e-24 a clamped Gumbel), so that the terms need no mask
MUTED = -1e30
#: exp of it is still finite in float32
_MAX_EXPONENT = 85.0


class Terms:
    """The terms of any activation, their derivatives by autograd; a subclass brings its own."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return -log p(x), and its derivative (negative)."""
        return _with_derivative(self.activation.log_p, x)

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return -log(1 - p(x)), and its derivative (positive)."""
        return _with_derivative(self.activation.log_not_p, x)

    def negative_sums(self, x: Tensor, gradient: Tensor, weight: Tensor | None) -> Tensor:
        """Compute sums over columns of -log(1 - p(x)), and the derivatives of its terms.

        Args:
            x: (n, K) float, MUTED where a term does not count; may be overwritten.
            gradient: (n, K), receives the derivatives, without the weight; zero where muted.
            weight: (K,) factor on the terms of the sum, None is 1.

        Returns:
            (n,) weighted sums.
        """
        counts = x > MUTED / 2  # p of any activation need not vanish there, nor even be a number
        value, derivative = (term * counts for term in self.negative(torch.where(counts, x, 0.0)))
        gradient.copy_(derivative)
        return value.sum(1) if weight is None else value @ weight

    def at(self, columns: Tensor) -> Terms:
        """Return the terms of chosen columns, where they differ by column; `columns` is (n, k) int64."""
        return self


def _with_derivative(log_probability: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = -log_probability(x)
        (derivative,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), derivative


class SigmoidTerms(Terms):
    """softplus(-x) and softplus(x)."""

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return -log p(x) = softplus(-x), and its derivative."""
        return F.softplus(-x), x.neg().sigmoid_().neg_()

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return -log(1 - p(x)) = softplus(x), and its derivative."""
        return F.softplus(x), x.sigmoid()

    def negative_sums(self, x: Tensor, gradient: Tensor, weight: Tensor | None) -> Tensor:
        """Return softplus(x) = max(x, 0) - log(1 - s), s the lesser of p and 1 - p, with fewer logarithms."""
        p = torch.sigmoid(x, out=gradient)
        rest = x.clamp_(min=0).sum(1) if weight is None else x.clamp_(min=0) @ weight
        lesser = torch.sub(p.new_ones(()), p, out=x)  # memory that is still in the cache
        torch.minimum(lesser, p, out=lesser)
        return rest.sub_(sum_log1p_(lesser, -1) if weight is None else lesser.neg_().log1p_() @ weight)


class GumbelTerms(Terms):
    """exp(-x) and log1p(1 / expm1(exp(-x)))."""

    activation: Gumbel

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return -log p(x) = exp(-x), and its derivative."""
        low, high = self.activation.clamp or (GUMBEL_LEFT, math.inf)
        value = x.clamp(low, high).neg_().exp_()
        return value, -value * ((x >= low) & (x <= high))

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return -log(1 - p(x)) = log1p(1 / expm1(exp(-x))), and its derivative exp(-x) / expm1(exp(-x))."""
        gradient = torch.empty_like(x)
        value = self._odds(x, gradient).log1p_()
        return (value if self.activation.clamp else value.add_((x - GUMBEL_RIGHT).clamp_(min=0))), gradient

    def negative_sums(self, x: Tensor, gradient: Tensor, weight: Tensor | None) -> Tensor:
        """Compute the same, with one logarithm for eight terms where a product of eight odds cannot overflow."""
        if weight is not None or self.activation.clamp is None or 8 * self.activation.clamp[1] > _MAX_EXPONENT:
            return super().negative_sums(x, gradient, weight)
        return sum_log1p_(self._odds(x, gradient), 1)

    def _odds(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Return p / (1 - p) = 1 / expm1(exp(-x)); the derivative of -log(1 - p) is written into `gradient`."""
        low, high = self.activation.clamp or (GUMBEL_LEFT, GUMBEL_RIGHT)
        inside = x.clamp(low, high)
        torch.neg(inside, out=gradient).exp_()
        odds = gradient.expm1().reciprocal_()
        gradient.mul_(odds)
        if self.activation.clamp is not None:
            gradient.mul_(inside.eq_(x))
        return odds


class ClassRelativeTerms(Terms):
    """Those of any activation, but of chosen columns for `at`."""

    activation: ClassRelative

    def at(self, columns: Tensor) -> Terms:
        """Return the terms of chosen columns."""
        return ClassRelativeTerms(replace(self.activation, is_normal=self.activation.is_normal[columns]))


_TERMS: dict[type[Activation], type[Terms]] = {
    Sigmoid: SigmoidTerms,
    Gumbel: GumbelTerms,
    ClassRelative: ClassRelativeTerms,
}


def terms_of(activation: Activation) -> Terms:
    """Return the terms of an `activation`, by autograd for one that has none of its own."""
    return _TERMS.get(type(activation), Terms)(activation)


def sum_log1p_(q: Tensor, sign: int) -> Tensor:
    """Return the sum of log(1 + sign q) over columns, with one logarithm for eight terms; it overwrites `q`.

    Two terms become one through (1 + a)(1 + b) = 1 + (a + b + ab), which keeps the relative precision of small q, as
    log1p does.

    Args:
        q: (n, K) float >= 0; at most 1/2 for sign -1, and for sign 1 such that a product of eight is finite.
        sign: 1 or -1.

    Returns:
        (n,) sums.
    """
    for _ in range(3):
        half = q.size(1) // 2
        left, right = q[:, :half], q[:, q.size(1) - half :]
        left.addcmul_(left, right, value=sign).add_(right)
        q = q[:, : q.size(1) - half]
    return q.mul(sign).log1p_().sum(1)
