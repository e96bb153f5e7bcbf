"""Link functions from a logit to a probability: value, -log p and -log(1 - p), with their derivatives, in log space."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

#: sets chosen terms of a matrix to zero, in place, and gives it back
Clear = Callable[[Tensor], Tensor]
#: right of it -log(1 - p) of a Gumbel is x itself to the last bit, and exp(-x) would leave float32's normal numbers
_GUMBEL_RIGHT = 80.0
#: exp of it is still finite in float32
_MAX_EXPONENT = 85.0
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class Link:
    """p(x) in (0, 1), rising in x. Every method takes a float tensor of any shape and gives one of the same shape."""

    #: whether the derivative of `negative` costs little beside its value, so that it need not be kept
    cheap_gradient: ClassVar[bool] = False

    def probability(self, x: Tensor) -> Tensor:
        """p(x)."""
        raise NotImplementedError

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(x), and its derivative (negative)."""
        raise NotImplementedError

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log(1 - p(x)), and its derivative (positive)."""
        raise NotImplementedError

    def negative_gradient(self, x: Tensor) -> Tensor:
        """The derivative of -log(1 - p(x)) alone."""
        return self.negative(x)[1]

    def negative_sums(self, x: Tensor, gradient: Tensor, leave_out: Clear, weight: Tensor | None) -> Tensor:
        """Sums over columns of -log(1 - p(x)), and the derivatives of its terms.

        Args:
            x: (n, K) float.
            gradient: (n, K), receives the derivatives, without the weight; zero where left out.
            leave_out: clears the terms that do not count.
            weight: (K,) factor on the terms of the sum, None is 1.

        Returns:
            (n,) weighted sums.
        """
        value, derivative = (leave_out(terms) for terms in self.negative(x))
        gradient.copy_(derivative)
        return value.sum(1) if weight is None else value @ weight

    def inverse(self, probability: float) -> float:
        """The logit x at which p(x) is `probability`, in (0, 1)."""
        raise NotImplementedError

    def at(self, columns: Tensor) -> Link:
        """The link of chosen columns, for a link that differs by column; `columns` is (n, k) int64."""
        return self


@dataclass(frozen=True)
class Sigmoid(Link):
    """p = 1 / (1 + exp(-x))."""

    cheap_gradient: ClassVar[bool] = True

    def probability(self, x: Tensor) -> Tensor:
        """p(x)."""
        return x.sigmoid()

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(x) = softplus(-x), and its derivative."""
        return F.softplus(-x), x.neg().sigmoid_().neg_()

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log(1 - p(x)) = softplus(x), and its derivative."""
        return F.softplus(x), x.sigmoid()

    def negative_gradient(self, x: Tensor) -> Tensor:
        """sigmoid(x)."""
        return x.sigmoid()

    def negative_sums(self, x: Tensor, gradient: Tensor, leave_out: Clear, weight: Tensor | None) -> Tensor:
        """The same as softplus(x) = max(x, 0) - log(1 - s), s the lesser of p and 1 - p, with fewer logarithms."""
        p = leave_out(torch.sigmoid(x, out=gradient))
        lesser = torch.rsub(p, 1.0)
        torch.minimum(lesser, p, out=lesser)
        rest = leave_out(x.clamp(min=0))
        if weight is None:
            return rest.sum(1) - sum_log1p_(lesser, -1)
        return rest @ weight - lesser.neg_().log1p_() @ weight

    def inverse(self, probability: float) -> float:
        """The logit, log(p / (1 - p))."""
        return math.log(check_probability(probability)) - math.log1p(-probability)


@dataclass(frozen=True)
class Gumbel(Link):
    """p = exp(-exp(-x)), the Gumbel CDF (Alexandridis et al., ECCV 2022, arXiv:2207.10936).

    Args:
        clamp: logits are clamped to this range, and get no gradient outside it; None clamps nothing.

    -log p = exp(-x) grows without bound to the left; without a clamp it stops growing at x = -40
    (2e17 in the loss), so that float32 stays finite.
    """

    clamp: tuple[float, float] | None = None

    def probability(self, x: Tensor) -> Tensor:
        """p(x), never clamped."""
        return x.neg().exp_().neg_().exp_()

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(x) = exp(-x), and its derivative."""
        low, high = self.clamp or (-40.0, math.inf)
        value = x.clamp(low, high).neg_().exp_()
        return value, -value * ((x >= low) & (x <= high))

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log(1 - p(x)) = log1p(1 / expm1(exp(-x))), and its derivative exp(-x) / expm1(exp(-x))."""
        gradient = torch.empty_like(x)
        value = self._odds(x, gradient).log1p_()
        return (value if self.clamp else value.add_((x - _GUMBEL_RIGHT).clamp_(min=0))), gradient

    def negative_sums(self, x: Tensor, gradient: Tensor, leave_out: Clear, weight: Tensor | None) -> Tensor:
        """The same, with one logarithm for eight terms where a product of eight odds cannot overflow."""
        if weight is not None or self.clamp is None or 8 * self.clamp[1] > _MAX_EXPONENT:
            return super().negative_sums(x, gradient, leave_out, weight)
        odds = self._odds(x, gradient)
        leave_out(gradient)
        return sum_log1p_(leave_out(odds), 1)

    def _odds(self, x: Tensor, gradient: Tensor) -> Tensor:
        """p / (1 - p) = 1 / expm1(exp(-x)); the derivative of -log(1 - p) is written into `gradient`."""
        low, high = self.clamp or (-40.0, _GUMBEL_RIGHT)
        inside = x.clamp(low, high)
        torch.neg(inside, out=gradient).exp_()
        odds = gradient.expm1().reciprocal_()
        gradient.mul_(odds)
        if self.clamp is not None:
            gradient.mul_(inside.eq_(x))
        return odds

    def inverse(self, probability: float) -> float:
        """The logit, -log(-log p)."""
        return -math.log(-math.log(check_probability(probability)))


@dataclass(frozen=True)
class Normal(Link):
    """p = Phi(x), the CDF of the standard normal, of logits clamped to a range in training.

    Args:
        clamp: logits are clamped to this range, and get no gradient outside it.
    """

    clamp: tuple[float, float] = (-5.0, 5.0)

    def probability(self, x: Tensor) -> Tensor:
        """p(x), never clamped."""
        return torch.special.ndtr(x)

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(x), and its derivative -phi(x) / Phi(x)."""
        inside = x.clamp(*self.clamp)
        value = torch.special.log_ndtr(inside).neg_()
        # phi / Phi in log space; within a clamp of some tens there is no cancellation
        density = inside.square().mul_(-0.5).sub_(_LOG_SQRT_2PI)
        return value, density.add_(value).exp_().neg_().mul_(x == inside)

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log(1 - p(x)) = -log p(-x), and its derivative."""
        value, gradient = Normal((-self.clamp[1], -self.clamp[0])).positive(-x)
        return value, gradient.neg_()


def sum_log1p_(q: Tensor, sign: int) -> Tensor:
    """Sum of log(1 + sign q) over columns, with one logarithm for eight terms; it overwrites `q`.

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


def check_probability(probability: float) -> float:
    """Refuse what is no probability strictly between 0 and 1.

    Args:
        probability: the value.

    Returns:
        The value.

    Raises:
        ValueError: it is not in (0, 1).
    """
    if not 0 < probability < 1:
        raise ValueError(f'prior probability {probability}; expected a number in (0, 1), such as 1e-3')
    return probability
