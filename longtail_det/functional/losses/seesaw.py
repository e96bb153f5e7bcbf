"""Seesaw loss (Wang et al., CVPR 2021, arXiv:2008.10032): the class part, as a pure function."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def seesaw_shift(
    logits: Tensor, labels: Tensor, cum_samples: Tensor, *, p: float = 0.8, q: float = 2.0, eps: float = 1e-2
) -> Tensor:
    """Return log(M_ij * K_ij), what Seesaw adds to the logit of class j of a RoI of class i, up to a constant per RoI.

    Mitigation M_ij = min(1, (n_j / n_i)^p) eases the push of frequent RoIs on rarer classes; compensation
    K_ij = max(1, (s_j / s_i)^q) restores it for a class that scores above the label. Both are 1 at j = i. A softmax
    does not see a constant per RoI, so what is given is p min(log n_j, log n_i) + q max(log s_j, log s_i): fewer
    passes over the logits, never a C x C matrix, and no ratio that could overflow.

    Args:
        logits: (N, C) float class logits of foreground RoIs; no gradient flows through the shift.
        labels: (N,) int64 in [0, C).
        cum_samples: (C,) float, samples seen so far per class; counted as at least 1.
        p: strength of mitigation, 0 switches it off.
        q: strength of compensation, 0 switches it off.
        eps: floor of s_i in (0, 1].

    Returns:
        (N, C) shift in nats, without gradient; subtract each row's column `labels` to have log(M K) itself.
    """
    log_count = cum_samples.to(logits.dtype).clamp(min=1).log()
    log_score = F.log_softmax(logits.detach(), dim=1)
    own_score = log_score.gather(1, labels[:, None]).clamp(min=math.log(eps))
    mitigation = torch.minimum(log_count, log_count[labels][:, None])
    return p * mitigation + q * torch.maximum(log_score, own_score)


def seesaw_loss(
    logits: Tensor, labels: Tensor, cum_samples: Tensor, *, p: float = 0.8, q: float = 2.0, eps: float = 1e-2
) -> Tensor:
    """Softmax cross entropy over foreground classes, rebalanced by Seesaw's two factors (arXiv:2008.10032, eq. 3-6).

    With `p=0, q=0` it is `F.cross_entropy`.

    Args:
        logits: (N, C) class logits of foreground RoIs.
        labels: (N,) int64 in [0, C).
        cum_samples: (C,) float, samples seen so far per class, this batch included.
        p: strength of mitigation, 0 switches it off.
        q: strength of compensation, 0 switches it off.
        eps: floor of the label's own score in the compensation.

    Returns:
        (N,) loss in nats, unreduced.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0, -1.0]])
        >>> seesaw_loss(logits, torch.tensor([0]), torch.tensor([100.0, 1.0, 1.0])).item() < 0.01
        True
    """
    shift = seesaw_shift(logits, labels, cum_samples, p=p, q=q, eps=eps)
    return F.cross_entropy(logits + shift, labels, reduction='none')
