"""Logit adjustment (Menon et al., ICLR 2021) and Balanced Softmax (Ren et al., NeurIPS 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def logit_adjusted_loss(logits: Tensor, labels: Tensor, log_prior: Tensor) -> Tensor:
    """Softmax cross entropy of the logits plus the log prior of their class.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.
        log_prior: (C + 1,) of `log_share`, times the strength of the adjustment.

    Returns:
        (N,) loss in nats, unreduced.

    Example:
        >>> log_prior = torch.tensor([0.5, 0.25, 1.0]).log()
        >>> loss = logit_adjusted_loss(torch.zeros(1, 3), torch.tensor([1]), log_prior)
        >>> round(loss.item(), 4)  # -log of 0.25 / 1.75
        1.9459
    """
    return F.cross_entropy(logits + log_prior.to(logits), labels, reduction='none')


def log_share(count: Tensor) -> Tensor:
    """Return the log of each class's share of all counts, and 0 for background.

    Args:
        count: (C,) training images or instances of each class; 0 counts as 1.

    Returns:
        (C + 1,) float64.
    """
    count = count.double().clamp(min=1)
    return torch.cat([(count / count.sum()).log(), count.new_zeros(1)])
