"""Gumbel cross entropy (Alexandridis et al., ECCV 2022, arXiv:2207.10936)."""

from __future__ import annotations

from torch import Tensor

from ..activations import Gumbel
from .binary_cross_entropy import binary_cross_entropy, one_hot


def gumbel_loss(logits: Tensor, labels: Tensor, *, logit_clamp: tuple[float, float] | None = (-4.0, 10.0)) -> Tensor:
    """Binary cross entropy of C + 1 Gumbel CDFs p = exp(-exp(-x)) against the one-hot label (arXiv:2207.10936).

    Computed in log space with the analytic gradient; the authors' code takes the cross entropy of probabilities,
    whose gradient the framework's 1e-12 floor mutes for positives below about x = -3.3.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.
        logit_clamp: range the logits are clamped to, without gradient outside; None switches it off.

    Returns:
        (N, C + 1) loss in nats, unreduced.

    Example:
        >>> import torch
        >>> round(gumbel_loss(torch.zeros(1, 1), torch.tensor([0])).item(), 4)  # -log exp(-1)
        1.0
    """
    return binary_cross_entropy(logits, one_hot(labels, logits.size(1)), Gumbel(logit_clamp))
