"""Federated loss (Zhou et al., CenterNet2, 2021)."""

from __future__ import annotations

import torch
from torch import Tensor

from .binary_cross_entropy import binary_cross_entropy, one_hot


def fed_loss(logits: Tensor, labels: Tensor, sampled: Tensor) -> Tensor:
    """Binary cross entropy of the sampled classes alone.

    Args:
        logits: (N, C) raw scores, no background column.
        labels: (N,) int64 in [0, C]; C is background.
        sampled: (C,) bool of `fed_classes`.

    Returns:
        (N, C) loss in nats, unreduced; exactly zero in the columns that were not sampled.
    """
    return torch.where(sampled, binary_cross_entropy(logits, one_hot(labels, logits.size(1))), 0.0)


def fed_classes(labels: Tensor, class_weight: Tensor, noise: Tensor, *, num_sampled: int = 50) -> Tensor:
    """Select the classes of a batch, filled up to `num_sampled` by a draw without replacement.

    Background counts as one of `num_sampled` where the batch holds it. The largest of w_j / e_j, with e_j from the
    exponential distribution of rate 1, are a draw without replacement with probabilities proportional to w_j; it is
    the draw of `torch.multinomial` from the same seed. A class of weight 0 is never drawn.

    Args:
        labels: (N,) int64 in [0, C]; C is background.
        class_weight: (C,) float >= 0, proportional to the probability that a class is drawn.
        noise: (C + 1,) float > 0, exponential with rate 1; the last belongs to background and is not used.
        num_sampled: classes wanted.

    Returns:
        (C,) bool.
    """
    present = torch.zeros_like(noise, dtype=torch.bool).index_fill(0, labels, True)
    key = torch.where(present[:-1], torch.inf, class_weight / noise[:-1])
    wanted = torch.where(present.sum() < num_sampled, num_sampled - present[-1].long(), present[:-1].sum())
    rank = key.argsort(descending=True).argsort()
    return (rank < wanted) & (key > 0)
