"""Equalization loss (Tan et al., CVPR 2020, arXiv:2003.05176)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..activations import SIGMOID, Activation
from .binary_cross_entropy import binary_cross_entropy, one_hot


def eql_loss(logits: Tensor, labels: Tensor, is_tail: Tensor, *, activation: Activation = SIGMOID) -> Tensor:
    """Binary cross entropy that mutes tail negatives on foreground RoIs: w = 1 - E(r) T(f) (1 - t).

    Args:
        logits: (N, C) raw scores, no background column.
        labels: (N,) int64 in [0, C]; C is background.
        is_tail: (C,) bool, T(f): classes shielded from the RoIs of other classes.
        activation: from logit to probability; sigmoid (the authors') or Gumbel (GOL).

    Returns:
        (N, C) loss in nats, unreduced; muted terms add exactly zero to it and to the gradient.

    Example:
        >>> import torch
        >>> muted = eql_loss(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([False, True]))
        >>> [round(term, 4) for term in muted[0].tolist()]  # log 2 of the positive alone
        [0.6931, 0.0]
    """
    target = one_hot(labels, logits.size(1))
    muted = (labels < logits.size(1))[:, None] & is_tail & ~target
    return torch.where(muted, 0.0, binary_cross_entropy(logits, target, activation))
