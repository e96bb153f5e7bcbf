"""Foreground classification balance loss of BACL (Qi et al., 2023)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .binary_cross_entropy import binary_cross_entropy, one_hot

#: smallest share of a confusion
_FLOOR = 1e-3


def fcbl_loss(logits: Tensor, labels: Tensor, margin: Tensor, *, prob_thr: float = 0.7) -> Tensor:
    """Binary cross entropy with a pairwise margin, of the negatives that rival the label.

    Args:
        logits: (N, C + 1) raw scores; the last column is the objectness of background.
        labels: (N,) int64 in [0, C]; C is background.
        margin: (N, C) added to the class logits, zero on background RoIs; of `fcbl_margin`.
        prob_thr: on a foreground RoI a class counts from this score on, or from the score of the label on.

    Returns:
        (N, C + 1) loss in nats, unreduced; terms that do not count add exactly zero to it and to the gradient.
    """
    loss = binary_cross_entropy(logits + F.pad(margin.to(logits), (0, 1)), one_hot(labels, logits.size(1)))
    counts = logits.detach() >= fcbl_least_logit(logits, labels, prob_thr=prob_thr)[:, None]
    return torch.where(F.pad(counts[:, :-1], (0, 1), value=True), loss, 0.0)


def fcbl_least_logit(logits: Tensor, labels: Tensor, *, prob_thr: float = 0.7) -> Tensor:
    """Return the logit from which on a class counts, without the margin.

    The score is sigmoid(x) (1 - sigmoid(x_C)). It reaches `prob_thr` at the logit of prob_thr (1 + exp(x_C)), where
    that is below 1, and the score of the label at the logit of the label.

    Args:
        logits: (N, C + 1) raw scores.
        labels: (N,) int64 in [0, C]; C is background.
        prob_thr: in (0, 1].

    Returns:
        (N,) without gradient; minus infinity on background RoIs.
    """
    logits = logits.detach()
    own = logits.gather(1, labels[:, None])[:, 0]
    least = (prob_thr * (1 + logits[:, -1].exp())).clamp(max=1).logit()
    return torch.where(labels == logits.size(1) - 1, -torch.inf, torch.minimum(own, least))


def fcbl_margin(confusion_of: Tensor, confusion_with: Tensor, *, alpha: float = 0.85) -> Tensor:
    """Return alpha ln(c_yj / c_jy), the margin of class j on a RoI of class y; shares below 1e-3 count as that.

    Args:
        confusion_of: (M, C) c_yj, mean score that RoIs of class y give to class j.
        confusion_with: (M, C) c_jy, mean score that RoIs of class j give to class y.
        alpha: strength.

    Returns:
        (M, C), zero at j = y.
    """
    return alpha * (confusion_of.clamp(min=_FLOOR) / confusion_with.clamp(min=_FLOOR)).log()
