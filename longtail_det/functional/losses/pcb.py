"""Pairwise class balance (He et al., CVPR 2022): soft targets from a confusion matrix."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .binary_cross_entropy import binary_cross_entropy


def pcb_soft_target(column: Tensor) -> Tensor:
    """Return t_i = M_iy / sum_k M_ky: of the RoIs that are taken for class y, the share that belongs to class i.

    Args:
        column: (M, C) column y of the confusion matrix for the label y of each RoI; row = true class.

    Returns:
        (M, C) that sums to 1.
    """
    return column / column.sum(1, keepdim=True).clamp(min=torch.finfo(column.dtype).tiny)


def pcb_softmax_term(logits: Tensor, labels: Tensor, soft: Tensor) -> Tensor:
    """Return KL(t || p) - CE(y): times a, and added to the cross entropy, it makes (1 - a) CE(y) + a KL(t || p).

    The normalizer of the softmax cancels.

    Args:
        logits: (M, C) class logits of foreground RoIs.
        labels: (M,) int64 in [0, C).
        soft: (M, C) t of `pcb_soft_target`.

    Returns:
        (M,) in nats.
    """
    return pcb_cross_entropy_term(logits, labels, soft) + torch.special.xlogy(soft, soft).sum(1)


def pcb_softmax_loss(logits: Tensor, labels: Tensor, soft: Tensor, share: Tensor) -> Tensor:
    """Softmax cross entropy of the label; on foreground RoIs a share is the KL divergence of the soft target.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.
        soft: (N, C) t of `pcb_soft_target`, anything on background RoIs.
        share: scalar a in [0, 1].

    Returns:
        (N,) loss in nats, unreduced.
    """
    num_classes = logits.size(1) - 1
    term = pcb_softmax_term(logits[:, :-1], labels.clamp(max=num_classes - 1), soft)
    return F.cross_entropy(logits, labels, reduction='none') + torch.where(labels < num_classes, share * term, 0.0)


def pcb_cross_entropy_term(logits: Tensor, labels: Tensor, soft: Tensor) -> Tensor:
    """Return CE(t) - CE(y): times a, and added to the cross entropy, it makes (1 - a) CE(y) + a CE(t).

    Args:
        logits: (M, C) class logits of foreground RoIs.
        labels: (M,) int64 in [0, C).
        soft: (M, C) t of `pcb_soft_target`.

    Returns:
        (M,) in nats.
    """
    return logits.gather(1, labels[:, None])[:, 0] - (soft * logits).sum(1)


def eqlv2_soft_loss(
    logits: Tensor, target: Tensor, positive_weight: Tensor, negative_weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """EQLv2 of soft targets, which mix its weights and share out the gradients it accumulates.

    Args:
        logits: (N, C + 1) raw scores.
        target: (N, C + 1) in [0, 1].
        positive_weight: (C + 1,) of `eqlv2_weights`, 1 for background.
        negative_weight: (C + 1,) of `eqlv2_weights`, 1 for background.

    Returns:
        (N, C + 1) loss in nats, unreduced; and two (C,) sums over the RoIs of |sigmoid(x) - t| w t and
        |sigmoid(x) - t| w (1 - t), without gradient.
    """
    weight = positive_weight * target + negative_weight * (1 - target)
    positive, negative = (binary_cross_entropy(logits, torch.full_like(target, sign).bool()) for sign in (1, 0))
    loss = weight * (target * positive + (1 - target) * negative)
    gradient = (weight * (logits.detach().sigmoid() - target).abs())[:, :-1]
    return loss, (gradient * target[:, :-1]).sum(0), (gradient * (1 - target[:, :-1])).sum(0)


def pcb_update(rows: Tensor, counts: Tensor, sums: Tensor, *, momentum: float, normalize: bool) -> Tensor:
    """Return momentum row + (1 - momentum) mean score of the RoIs of each class, divided by its sum.

    Args:
        rows: (P, C) rows of the confusion matrix.
        counts: (P,) RoIs of each class, at least 1.
        sums: (P, C) sums of their scores.
        momentum: in [0, 1].
        normalize: divide by the sum; False for sigmoid scores.

    Returns:
        (P, C) new rows.
    """
    rows = rows.lerp(sums / counts[:, None], 1 - momentum)
    return rows / rows.sum(1, keepdim=True) if normalize else rows
