"""Inverse image frequency (Alexandridis et al., 2022)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def iif_loss(logits: Tensor, labels: Tensor, factor: Tensor) -> Tensor:
    """Softmax cross entropy of the logits times the inverse image frequency of their class.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.
        factor: (C + 1,) of `iif_factor`.

    Returns:
        (N,) loss in nats, unreduced.
    """
    return F.cross_entropy(logits * factor.to(logits), labels, reduction='none')


def iif_factor(image_count: Tensor, num_images: int) -> Tensor:
    """Return ln(num_images / n_j) of each class, and 1 for background.

    Args:
        image_count: (C,) training images of each class; 0 counts as 1.
        num_images: all N images of the training file.

    Returns:
        (C + 1,) float64.
    """
    factor = num_images / image_count.double().clamp(min=1)
    return torch.cat([factor.log(), factor.new_ones(1)])
