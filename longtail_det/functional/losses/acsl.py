"""Adaptive class suppression loss (Wang et al., CVPR 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .binary_cross_entropy import binary_cross_entropy, one_hot


def acsl_loss(
    logits: Tensor, labels: Tensor, kept_background: Tensor, group: Tensor, *, score_thr: float = 0.7
) -> Tensor:
    """Binary cross entropy of the negatives that score high, and of a share of the background.

    On a foreground RoI a negative counts where its score reaches `score_thr`; on a background RoI where the RoI was
    kept for the group of the class. The label's own column always counts.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.
        kept_background: (N, G) bool of `acsl_kept`.
        group: (C + 1,) int64 in [0, G), the group of each column.
        score_thr: in (0, 1).

    Returns:
        (N, C + 1) loss in nats, unreduced; terms that do not count add exactly zero to it and to the gradient.
    """
    target = one_hot(labels, logits.size(1))
    high = logits.detach() >= math.log(score_thr / (1 - score_thr))
    counts = torch.where((labels < len(group) - 1)[:, None], high, kept_background[:, group])
    return torch.where(target | counts, binary_cross_entropy(logits, target), 0.0)


def acsl_kept(labels: Tensor, num_classes: int, draw: Tensor, shares: Sequence[float]) -> Tensor:
    """Select the background RoIs whose negatives count, for each group of classes by a draw of its own.

    Args:
        labels: (N,) int64 in [0, C]; C is background.
        num_classes: C.
        draw: (N, G) float, uniform in [0, 1); the smallest numbers are kept.
        shares: share of the background RoIs that each of the G groups keeps, rounded down.

    Returns:
        (N, G) bool, False for foreground RoIs.
    """
    background = (labels == num_classes)[:, None]
    # share by share: a tensor of them would have to be copied to the device
    number = background.sum().double()
    wanted = torch.stack([(number * share).floor() for share in shares])
    order = draw.masked_fill(~background, torch.inf).argsort(dim=0)
    place = torch.arange(len(labels), device=labels.device)[:, None]
    return background & torch.zeros_like(order, dtype=torch.bool).scatter(0, order, place < wanted)
