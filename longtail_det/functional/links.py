"""Link functions from a logit to a probability: value, -log p and -log(1 - p), with their derivatives, in log space."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

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

    def negative_value(self, x: Tensor) -> Tensor:
        """-log(1 - p(x)) alone."""
        return self.negative(x)[0]

    def negative_gradient(self, x: Tensor) -> Tensor:
        """The derivative of -log(1 - p(x)) alone."""
        return self.negative(x)[1]

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

    def negative_value(self, x: Tensor) -> Tensor:
        """softplus(x)."""
        return F.softplus(x)

    def negative_gradient(self, x: Tensor) -> Tensor:
        """sigmoid(x)."""
        return x.sigmoid()

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
        # right of 80 the value is x itself to the last bit, and exp(-x) would leave the normal numbers of float32
        low, high = self.clamp or (-40.0, 80.0)
        inside = x.clamp(low, high)
        gradient = inside.neg().exp_()
        value = gradient.expm1().reciprocal_()
        gradient.mul_(value)
        value.log1p_()
        if self.clamp is None:
            return value.add_((x - high).clamp_(min=0)), gradient
        return value, gradient.mul_(x == inside)

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
