"""Class-relative activations: normal CDF for frequent classes, Gumbel for the rest (code of arXiv:2207.10936)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..kernels import Gumbel, Link, Normal
from ..kernels.binary import binary_loss

_NORMAL, _GUMBEL = Normal((-5.0, 5.0)), Gumbel((-4.0, 10.0))


@dataclass(frozen=True)
class ClassRelative(Link):
    """A link that is the normal CDF in some columns and the Gumbel CDF in the others.

    Args:
        frequent: (K,) bool, columns with the normal CDF (broadcast against the logits).
        normal: the link of those.
        gumbel: the link of the others.
    """

    frequent: Tensor
    normal: Normal = _NORMAL
    gumbel: Gumbel = _GUMBEL

    def probability(self, x: Tensor) -> Tensor:
        """p(x) of (N, K) logits, never clamped."""
        return torch.where(self.frequent, self.normal.probability(x), self.gumbel.probability(x))

    def positive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(x) and its derivative."""
        return _choose(self.frequent, self.normal.positive(x), self.gumbel.positive(x))

    def negative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log(1 - p(x)) and its derivative."""
        return _choose(self.frequent, self.normal.negative(x), self.gumbel.negative(x))

    def at(self, columns: Tensor) -> ClassRelative:
        """The link of chosen columns."""
        return replace(self, frequent=self.frequent[columns])


def _choose(frequent: Tensor, normal: tuple[Tensor, Tensor], gumbel: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.where(frequent, normal[0], gumbel[0]), torch.where(frequent, normal[1], gumbel[1])


def class_relative_loss(logits: Tensor, labels: Tensor, is_frequent: Tensor) -> Tensor:
    """Binary cross entropy of C + 1 class-relative activations against the one-hot label.

    Args:
        logits: (N, C + 1) raw scores, last column background (Gumbel).
        labels: (N,) int64 in [0, C]; C is background.
        is_frequent: (C,) bool, classes with more than 100 training images: normal CDF, logits clamped to [-5, 5];
            all others Gumbel, logits clamped to [-4, 10].

    Returns:
        (N,) loss in nats, summed over columns.
    """
    return binary_loss(logits, labels, class_relative_link(is_frequent))


def class_relative_link(is_frequent: Tensor) -> ClassRelative:
    """The link of C + 1 columns, background included.

    Args:
        is_frequent: (C,) bool.

    Returns:
        The link whose last column is Gumbel.
    """
    return ClassRelative(torch.cat([is_frequent, is_frequent.new_zeros(1)]))
