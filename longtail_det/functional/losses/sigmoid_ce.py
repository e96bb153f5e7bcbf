"""Sigmoid cross entropy over classes and background, the "sigmoid" baseline of the GOL table (arXiv:2207.10936)."""

from __future__ import annotations

from torch import Tensor

from .binary_cross_entropy import binary_cross_entropy, one_hot


def sigmoid_ce_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross entropy of C + 1 sigmoids against the one-hot label, background included.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.

    Returns:
        (N, C + 1) loss in nats, unreduced.

    Example:
        >>> import torch
        >>> round(sigmoid_ce_loss(torch.zeros(1, 3), torch.tensor([2])).sum().item(), 4)  # 3 log 2
        2.0794
    """
    return binary_cross_entropy(logits, one_hot(labels, logits.size(1)))
