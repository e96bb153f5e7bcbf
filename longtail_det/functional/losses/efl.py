"""Equalized focal loss and equalized quality focal loss (Li et al., CVPR 2022)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .binary_cross_entropy import one_hot


def efl_focus(pos_grad: Tensor, neg_grad: Tensor, *, gamma: float = 2.0, scale: float = 8.0) -> Tensor:
    """Return the focusing parameter of each class, gamma_j = gamma + scale (1 - g_j).

    g_j = pos_grad / neg_grad, clamped to [0, 1]. A class that has received no gradient yet counts as balanced, g = 1.

    Args:
        pos_grad: (C,) accumulated gradients of positives.
        neg_grad: (C,) accumulated gradients of negatives.
        gamma: of a balanced class.
        scale: how much more an unbalanced class focuses.

    Returns:
        (C,) in [gamma, gamma + scale].
    """
    ratio = (pos_grad / (neg_grad + 1e-10)).clamp(0, 1)
    return gamma + scale * (1 - torch.where(pos_grad + neg_grad > 0, ratio, 1.0))


def efl_loss(logits: Tensor, labels: Tensor, focus: Tensor, *, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Focal loss with a focusing parameter for each class: alpha_t (gamma_j / gamma) (1 - p_t)^gamma_j (-ln p_t).

    Args:
        logits: (A, C) raw scores of the anchors.
        labels: (A,) int64 in [0, C]; C is background.
        focus: (C,) gamma_j of `efl_focus`.
        gamma: of a balanced class.
        alpha: weight of positives; negatives weigh 1 - alpha.

    Returns:
        (A, C) loss in nats, unreduced. With gamma_j = gamma it is the focal loss.
    """
    target, focus = one_hot(labels, logits.size(1)), focus.to(logits)
    signed = torch.where(target, logits, -logits)
    weight = torch.where(target, alpha, 1 - alpha) * (focus / gamma)
    return -weight * (focus * F.logsigmoid(-signed)).exp() * F.logsigmoid(signed)


def eqfl_loss(logits: Tensor, labels: Tensor, iou: Tensor, focus: Tensor, *, gamma: float = 2.0) -> Tensor:
    """Quality focal loss with a focusing parameter for each class: (gamma_j / gamma) |q - p|^gamma_j BCE(x, q).

    Args:
        logits: (A, C) raw scores of the anchors.
        labels: (A,) int64 in [0, C]; C is background.
        iou: (A,) quality q in [0, 1] of the label's column; 0 in every other one.
        focus: (C,) gamma_j of `efl_focus`.
        gamma: of a balanced class.

    Returns:
        (A, C) loss in nats, unreduced. With gamma_j = gamma it is the quality focal loss.
    """
    quality = torch.where(one_hot(labels, logits.size(1)), iou.to(logits)[:, None], 0.0)
    focus = focus.to(logits)
    distance = (quality - logits.sigmoid()).abs()
    entropy = F.binary_cross_entropy_with_logits(logits, quality, reduction='none')
    return focus / gamma * distance**focus * entropy
