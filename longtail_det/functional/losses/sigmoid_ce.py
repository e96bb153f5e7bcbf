"""Sigmoid cross entropy over classes and background, the "sigmoid" baseline of the GOL table (arXiv:2207.10936)."""

from __future__ import annotations

from torch import Tensor

from ..kernels import Sigmoid
from ..kernels.binary import binary_loss


def sigmoid_ce_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross entropy of C + 1 sigmoids against the one-hot label, background included.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.

    Returns:
        (N,) loss in nats, summed over columns.

    Example:
        >>> import torch
        >>> round(sigmoid_ce_loss(torch.zeros(1, 3), torch.tensor([2])).item(), 4)  # 3 log 2
        2.0794
    """
    return binary_loss(logits, labels, Sigmoid())
