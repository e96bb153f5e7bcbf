"""Effective class-margin loss (Cho and Krähenbühl, ECCV 2022)."""

from __future__ import annotations

import torch
from torch import Tensor

from .binary_cross_entropy import binary_cross_entropy, one_hot


def ecm_loss(logits: Tensor, labels: Tensor, margin: Tensor, column_weight: Tensor) -> Tensor:
    """Weighted binary cross entropy of the logits 2 x + d, with effective margins d of each class.

    It is the authors' surrogate w p exp(x) / (w p exp(x) + w n exp(-x)), whose sigmoid has just this logit.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.
        margin: (C + 1,) d of `ecm_tables`.
        column_weight: (C + 1,) w of `ecm_tables`.

    Returns:
        (N, C + 1) loss in nats, unreduced.
    """
    target = one_hot(labels, logits.size(1))
    return column_weight.to(logits) * binary_cross_entropy(2 * logits + margin.to(logits), target)


def ecm_tables(image_count: Tensor, *, fg_bg_ratio: float = 6.3313) -> tuple[Tensor, Tensor]:
    """Return the margin and the weight of each column.

    With n_C = fg_bg_ratio * sum n_j for background, S the sum over all C + 1 columns and a = (S - n_j) / n_j, the
    margin is -ln(a) / 4 and the weight a ln((1 + a) / a): near 1 for a rare class. Computed as a log1p(1 / a) in
    float64; the authors' float32 formula is more than 5 % off for 153 classes of LVIS v1.

    Args:
        image_count: (C,) training images of each class; 0 counts as 1.
        fg_bg_ratio: background samples for each foreground sample.

    Returns:
        (C + 1,) margins and (C + 1,) weights, float64.
    """
    count = image_count.double().clamp(min=1)
    count = torch.cat([count, fg_bg_ratio * count.sum(0, keepdim=True)])
    rest = (count.sum() - count) / count
    return -rest.log() / 4, rest * torch.log1p(1 / rest)
