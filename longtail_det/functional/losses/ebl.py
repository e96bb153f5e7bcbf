"""Equilibrium loss of LOCE (Feng et al., ICCV 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def ebl_loss(logits: Tensor, labels: Tensor, mean_score: Tensor) -> Tensor:
    """Softmax cross entropy with a margin of ln(s_j / s_i) between class j and the label i: of x + ln s.

    Args:
        logits: (N, C + 1) raw scores, last column background.
        labels: (N,) int64 in [0, C]; C is background.
        mean_score: (C + 1,) mean classification score s of each class in (0, 1].

    Returns:
        (N,) loss in nats, unreduced.
    """
    return F.cross_entropy(logits + mean_score.to(logits).log(), labels, reduction='none')


def own_scores(logits: Tensor, labels: Tensor) -> Tensor:
    """Return (N,) softmax scores of each RoI's own label, without gradient.

    Args:
        logits: (N, C + 1) raw scores.
        labels: (N,) int64 in [0, C].
    """
    return (-F.cross_entropy(logits.detach(), labels, reduction='none')).exp()


def mean_of_objects(scores: Tensor, labels: Tensor, object_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean score of each ground-truth object over its RoIs.

    Args:
        scores: (M,) of foreground RoIs.
        labels: (M,) int64 in [0, C).
        object_ids: (M,) int64, the object of each RoI; RoIs of one object have one label.

    Returns:
        (K,) mean scores and (K,) int64 labels of the K objects that have a RoI.
    """
    found, index = object_ids.unique(return_inverse=True)
    total = scores.new_zeros(len(found)).index_add(0, index, scores)
    num_rois = scores.new_zeros(len(found)).index_add(0, index, torch.ones_like(scores))
    return total / num_rois, labels.new_zeros(len(found)).index_copy(0, index, labels)


def ebl_update(mean_score: Tensor, objects: Tensor, weight: Tensor, total: Tensor, *, momentum: float) -> Tensor:
    """Return s <- momentum^k s + (1 - momentum^k) u of each class with k objects, u their mean score.

    Args:
        mean_score: (C,) s.
        objects: (C,) k of a batch; 0 leaves the class as it is.
        weight: (C,) what divides `total`.
        total: (C,) sum of scores; u is total / weight.
        momentum: in [0, 1].

    Returns:
        (C,) new s.
    """
    kept = momentum**objects
    return kept * mean_score + (1 - kept) * total / weight.clamp(min=1)
