"""Equalization loss (Tan et al., CVPR 2020, arXiv:2003.05176)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels import Link, Sigmoid
from ..kernels.binary import Kept, binary_loss

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
    kept = unshielded(logits, labels, is_tail)
    # the gradient again rather than kept: the published loss is lean, and ours should not need more memory
    return binary_loss(logits, labels, link, kept=kept, keeps_gradient=not link.cheap_gradient)


def unshielded(logits: Tensor, labels: Tensor, is_tail: Tensor) -> Kept:
    """Terms that EQL keeps: all but tail classes on foreground RoIs.

    Args:
        logits: (N, C), for its dtype.
        labels: (N,) int64 in [0, C].
        is_tail: (C,) bool.

    Returns:
        rows -> (n, C), 0 or 1.
    """
    not_tail = (~is_tail).to(logits.dtype)
    of_row = torch.stack([torch.ones_like(not_tail), not_tail])  # of background, of foreground
    foreground = (labels < is_tail.numel()).long()
    return lambda rows: of_row.index_select(0, foreground[rows])
