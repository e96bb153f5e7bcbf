"""Activations, from a logit to a probability: p, log p and log(1 - p), differentiable any number of times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

#: an unclamped Gumbel: left of it exp(-x) is taken not to grow, so that float32 stays finite
GUMBEL_LEFT = -40.0
#: right of it -log(1 - p) is x itself to the last bit, and exp(-x) would leave float32's normal numbers
GUMBEL_RIGHT = 80.0


class Activation:
    """p(x) in (0, 1), rising in x. Every method takes a float tensor of any shape and gives one of the same shape."""

    def probability(self, x: Tensor) -> Tensor:
        """Return p(x), as at test."""
        raise NotImplementedError

    def log_p(self, x: Tensor) -> Tensor:
        """Return log p(x), as in training."""
        raise NotImplementedError

    def log_not_p(self, x: Tensor) -> Tensor:
        """Return log(1 - p(x)), as in training."""
        raise NotImplementedError

    def logit(self, probability: float) -> float:
        """Return the x at which p(x) is `probability`, in (0, 1)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sigmoid(Activation):
    """p = 1 / (1 + exp(-x))."""

    def probability(self, x: Tensor) -> Tensor:
        """Return p(x)."""
        return x.sigmoid()

    def log_p(self, x: Tensor) -> Tensor:
        """Return -softplus(-x)."""
        return F.logsigmoid(x)

    def log_not_p(self, x: Tensor) -> Tensor:
        """Return -softplus(x)."""
        return F.logsigmoid(-x)

    def logit(self, probability: float) -> float:
        """Return log(p / (1 - p))."""
        return math.log(check_probability(probability)) - math.log1p(-probability)


SIGMOID = Sigmoid()


@dataclass(frozen=True)
class Gumbel(Activation):
    """p = exp(-exp(-x)), the Gumbel CDF (Alexandridis et al., ECCV 2022, arXiv:2207.10936).

    Args:
        clamp: training logits are clamped to this range, and get no gradient outside it; None clamps nothing.

    -log p = exp(-x) grows without bound to the left; without a clamp it stops growing at x = -40 (2e17 in the loss).
    """

    clamp: tuple[float, float] | None = None

    def probability(self, x: Tensor) -> Tensor:
        """Return p(x), never clamped."""
        return x.neg().exp_().neg_().exp_()

    def log_p(self, x: Tensor) -> Tensor:
        """Return -exp(-x)."""
        return -torch.exp(-x.clamp(*(self.clamp or (GUMBEL_LEFT, None))))

    def log_not_p(self, x: Tensor) -> Tensor:
        """Return log(1 - exp(-exp(-x)))."""
        inside = x.clamp(*(self.clamp or (GUMBEL_LEFT, GUMBEL_RIGHT)))
        value = torch.log(-torch.expm1(-torch.exp(-inside)))
        return value if self.clamp else value - (x - GUMBEL_RIGHT).clamp(min=0)

    def logit(self, probability: float) -> float:
        """Return -log(-log p)."""
        return -math.log(-math.log(check_probability(probability)))


@dataclass(frozen=True)
class Normal(Activation):
    """p = Phi(x), the CDF of the standard normal, of logits clamped to a range in training.

    Args:
        clamp: training logits are clamped to this range, and get no gradient outside it.
    """

    clamp: tuple[float, float] = (-5.0, 5.0)

    def probability(self, x: Tensor) -> Tensor:
        """Return p(x), never clamped."""
        return torch.special.ndtr(x)

    def log_p(self, x: Tensor) -> Tensor:
        """Return log Phi(x)."""
        return torch.special.log_ndtr(x.clamp(*self.clamp))

    def log_not_p(self, x: Tensor) -> Tensor:
        """Return log Phi(-x)."""
        return torch.special.log_ndtr(-x.clamp(*self.clamp))


@dataclass(frozen=True, eq=False)
class ClassRelative(Activation):
    """The normal CDF in some columns and the Gumbel CDF in the others (code of arXiv:2207.10936).

    Args:
        is_normal: (K,) bool, columns with the normal CDF (broadcast against the logits).
        normal: the activation of those.
        gumbel: the activation of the others.
    """

    is_normal: Tensor
    normal: Normal
    gumbel: Gumbel

    def probability(self, x: Tensor) -> Tensor:
        """Return p(x), never clamped."""
        return torch.where(self.is_normal, self.normal.probability(x), self.gumbel.probability(x))

    def log_p(self, x: Tensor) -> Tensor:
        """Return log p(x) of each column's own CDF."""
        return torch.where(self.is_normal, self.normal.log_p(x), self.gumbel.log_p(x))

    def log_not_p(self, x: Tensor) -> Tensor:
        """Return log(1 - p(x)) of each column's own CDF."""
        return torch.where(self.is_normal, self.normal.log_not_p(x), self.gumbel.log_not_p(x))


def check_probability(probability: float) -> float:
    """Return a probability; raise a ValueError where it is not strictly between 0 and 1."""
    if not 0 < probability < 1:
        raise ValueError(f'prior probability {probability}; expected a number in (0, 1), such as 1e-3')
    return probability
