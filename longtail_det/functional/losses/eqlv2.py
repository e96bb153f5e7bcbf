"""Equalization loss v2 (Tan et al., CVPR 2021, arXiv:2012.08548)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .binary_cross_entropy import binary_cross_entropy, one_hot


def eqlv2_weights(
    pos_grad: Tensor, neg_grad: Tensor, *, gamma: float = 12.0, mu: float = 0.8, alpha: float = 4.0
) -> tuple[Tensor, Tensor]:
    """Return the weights of the positive and negative terms from the accumulated gradients.

    With g = pos_grad / neg_grad and f(g) = sigmoid(gamma (g - mu)): positives 1 + alpha (1 - f), negatives f.
    A class that has received no gradient yet counts as balanced, g = 100.

    Args:
        pos_grad: (C,) accumulated gradients of positives.
        neg_grad: (C,) accumulated gradients of negatives.
        gamma: steepness of f.
        mu: ratio at which f is one half.
        alpha: how much positives of a suppressed class gain.

    Returns:
        (C,) positive weights and (C,) negative weights.
    """
    ratio = torch.where(pos_grad + neg_grad > 0, pos_grad / (neg_grad + 1e-10), 100.0)
    f = torch.sigmoid(gamma * (ratio - mu))
    return 1 + alpha * (1 - f), f


def eqlv2_loss(
    logits: Tensor, labels: Tensor, positive_weight: Tensor, negative_weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted binary cross entropy over C + 1 sigmoids, and the gradients it accumulates.

    Args:
        logits: (N, C + 1) raw scores; the last column is the objectness of background and has weight 1.
        labels: (N,) int64 in [0, C]; C is background.
        positive_weight: (C,) of `eqlv2_weights`.
        negative_weight: (C,) of `eqlv2_weights`.

    Returns:
        (N, C + 1) loss in nats, unreduced; and two (C,) sums over the RoIs of |sigmoid(x) - t| w, of the positive and
        of the negative terms, without gradient.
    """
    target = one_hot(labels, logits.size(1))
    positive, negative = (F.pad(w, (0, 1), value=1.0).to(logits) for w in (positive_weight, negative_weight))
    weight = torch.where(target, positive, negative)
    loss = weight * binary_cross_entropy(logits, target)
    gradient = (weight * (logits.detach().sigmoid() - target.to(logits)).abs())[:, :-1]
    return loss, (gradient * target[:, :-1]).sum(0), (gradient * ~target[:, :-1]).sum(0)
