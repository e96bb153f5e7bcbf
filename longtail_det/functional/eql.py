"""Equalization loss (Tan et al., CVPR 2020, arXiv:2003.05176)."""

from __future__ import annotations

import torch
from torch import Tensor

from .binary import NegativeWeight, binary_loss
from .links import Link, Sigmoid

_SIGMOID = Sigmoid()


def eql_loss(logits: Tensor, labels: Tensor, is_tail: Tensor, *, link: Link = _SIGMOID) -> Tensor:
    """Binary cross entropy that mutes tail negatives on foreground RoIs: w = 1 - E(r) T(f) (1 - t).

    Args:
        logits: (N, C) raw scores, no background column.
        labels: (N,) int64 in [0, C]; C is background.
        is_tail: (C,) bool, T(f): classes shielded from the RoIs of other classes.
        link: from logit to probability; sigmoid (the authors') or Gumbel (GOL).

    Returns:
        (N,) loss in nats, summed over classes; muted terms add exactly zero to it and to the gradient.

    Example:
        >>> import torch
        >>> muted = eql_loss(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([False, True]))
        >>> round(muted.item(), 4)  # log 2 of the positive alone
        0.6931
    """
    return binary_loss(logits, labels, link, negative_weight=shield_weight(logits, labels, is_tail))


def shield_weight(logits: Tensor, labels: Tensor, is_tail: Tensor) -> NegativeWeight:
    """Weight of EQL's negative terms: 0 for tail classes on foreground RoIs, else 1.

    Args:
        logits: (N, C), for its dtype and number of classes.
        labels: (N,) int64 in [0, C].
        is_tail: (C,) bool.

    Returns:
        rows -> (n, C) weights.
    """
    shielding = (labels < logits.size(1)).to(logits.dtype)
    tail = is_tail.to(logits.dtype)
    return lambda rows: torch.outer(shielding[rows], tail).neg_().add_(1)
