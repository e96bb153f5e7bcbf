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


def mean_of_objects(scores: Tensor, labels: Tensor, object_ids: Tensor, *, num_classes: int) -> tuple[Tensor, Tensor]:
    """Compute the mean score of each ground-truth object over its RoIs, in a number of rows that depends on no value.

    Args:
        scores: (N,) of RoIs.
        labels: (N,) int64 in [0, C]; C is background. RoIs of one object have one label.
        object_ids: (N,) int64, the object of each foreground RoI, anything for background.
        num_classes: C.

    Returns:
        (N,) mean scores and (N,) int64 labels of the objects that have a RoI; label C in the rows that are left.
    """
    if not len(labels):
        return scores, labels
    # background is one object more, of a number that no other has
    ids, order = torch.where(labels < num_classes, object_ids, object_ids.max() + 1).sort()
    index = F.pad(ids[1:] != ids[:-1], (1, 0)).cumsum(0)
    total = torch.zeros_like(scores).index_add(0, index, scores[order])
    num_rois = torch.zeros_like(scores).index_add(0, index, torch.ones_like(scores))
    return total / num_rois.clamp(min=1), torch.full_like(labels, num_classes).index_copy(0, index, labels[order])


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
