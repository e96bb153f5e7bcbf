"""Balanced group softmax (BAGS, Li et al., CVPR 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def group_softmax_loss(logits: Tensor, targets: Tensor, weight: Tensor, sizes: Sequence[int]) -> Tensor:
    """Weighted sum of one softmax cross entropy for each group of columns.

    Args:
        logits: (N, K) raw scores; the columns of a group are neighbors.
        targets: (N, G) int64, the label inside each group.
        weight: (N, G) weight of each group's term, of `group_weights`.
        sizes: columns of each of the G groups; they sum to K.

    Returns:
        (N,) loss in nats, unreduced.
    """
    parts = zip(logits.split(list(sizes), dim=1), targets.unbind(1), strict=True)
    terms = [F.cross_entropy(part, target, reduction='none') for part, target in parts]
    return (weight.to(logits) * torch.stack(terms, dim=1)).sum(1)


def group_weights(targets: Tensor, draw: Tensor, *, others_ratio: float = 8.0) -> Tensor:
    """Compute the weights that turn a mean over RoIs into the mean over the RoIs that each group keeps.

    The first group, of foreground and background, keeps every RoI. A group of classes keeps the n RoIs of its own
    classes and floor(others_ratio * n) others at random, those with the smallest numbers drawn; none for n = 0.

    Args:
        targets: (N, G) int64, the label inside each group; 0 is "others" in a group of classes.
        draw: (N, G - 1) float, uniform in [0, 1).
        others_ratio: others for each own RoI.

    Returns:
        (N, G) float: N / RoIs kept, or 0 where a group does not keep the RoI.
    """
    own = targets[:, 1:] > 0
    wanted = (others_ratio * own.sum(0)).floor()
    order = draw.masked_fill(own, torch.inf).argsort(dim=0)
    place = torch.arange(len(targets), device=targets.device)[:, None]
    kept = own | torch.zeros_like(own).scatter(0, order, place < wanted)
    weight = kept * (len(targets) / kept.sum(0).clamp(min=1))
    return F.pad(weight, (1, 0), value=1.0)


def group_scores(logits: Tensor, sizes: Sequence[int], column_of_class: Tensor) -> Tensor:
    """Return the scores at test: softmax inside each group, times the score of foreground.

    Args:
        logits: (N, K) raw scores; columns 0 and 1 are background and foreground.
        sizes: columns of each group.
        column_of_class: (C,) int64, the column of each class.

    Returns:
        (N, C + 1) scores; the last is that of background.
    """
    scores = torch.cat([part.softmax(dim=1) for part in logits.split(list(sizes), dim=1)], dim=1)
    return torch.cat([scores.index_select(1, column_of_class) * scores[:, 1:2], scores[:, :1]], dim=1)
