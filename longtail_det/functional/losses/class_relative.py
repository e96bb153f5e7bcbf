"""Class-relative activations: normal CDF for frequent classes, Gumbel for the rest (code of arXiv:2207.10936)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..activations import ClassRelative, Gumbel, Normal
from .binary_cross_entropy import binary_cross_entropy, one_hot

_NORMAL, _GUMBEL = Normal((-5.0, 5.0)), Gumbel((-4.0, 10.0))


def class_relative_loss(logits: Tensor, labels: Tensor, is_frequent: Tensor) -> Tensor:
    """Binary cross entropy of C + 1 class-relative activations against the one-hot label.

    Args:
        logits: (N, C + 1) raw scores, last column background (Gumbel).
        labels: (N,) int64 in [0, C]; C is background.
        is_frequent: (C,) bool, classes with more than 100 training images: normal CDF, logits clamped to [-5, 5];
            all others Gumbel, logits clamped to [-4, 10].

    Returns:
        (N, C + 1) loss in nats, unreduced.
    """
    return binary_cross_entropy(logits, one_hot(labels, logits.size(1)), class_relative_activation(is_frequent))


def class_relative_activation(is_frequent: Tensor) -> ClassRelative:
    """Return the activation of C + 1 columns, the last of which, background, is Gumbel.

    Args:
        is_frequent: (C,) bool, columns of the normal CDF.
    """
    return ClassRelative(F.pad(is_frequent, (0, 1)), _NORMAL, _GUMBEL)
