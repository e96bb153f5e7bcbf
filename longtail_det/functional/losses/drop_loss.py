"""DropLoss (Hsieh et al., AAAI 2021, arXiv:2104.06402); CutLER's loss of the same name is another one."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels import Link, Sigmoid
from ..kernels.binary import binary_loss

_SIGMOID = Sigmoid()


def drop_rate_mu(labels: Tensor, is_tail: Tensor) -> Tensor:
    """Share mu of a batch's foreground RoIs whose class is in the tail; 1 (drop nothing) without foreground.

    Args:
        labels: (N,) int64 in [0, C]; C is background.
        is_tail: (C,) bool.

    Returns:
        Scalar float in [0, 1].
    """
    tail, foreground = tail_counts(labels, is_tail)
    return mu_of_counts(tail, foreground)


def tail_counts(labels: Tensor, is_tail: Tensor) -> tuple[Tensor, Tensor]:
    """Number of foreground RoIs of a tail class, and of all foreground RoIs.

    Args:
        labels: (N,) int64 in [0, C]; C is background.
        is_tail: (C,) bool.

    Returns:
        Two scalar floats; they can be summed over processes.
    """
    with_background = torch.cat([is_tail, is_tail.new_zeros(1)])
    return with_background[labels].sum().float(), (labels < is_tail.numel()).sum().float()


def mu_of_counts(tail: Tensor, foreground: Tensor) -> Tensor:
    """The ratio mu = tail / foreground, and 1 where there is no foreground.

    Args:
        tail: scalar, foreground RoIs of tail classes.
        foreground: scalar, foreground RoIs.

    Returns:
        Scalar float in [0, 1].
    """
    return torch.where(foreground > 0, tail / foreground.clamp(min=1), torch.ones_like(tail))


def drop_loss(
    logits: Tensor, labels: Tensor, is_tail: Tensor, *, mu: Tensor | float | None = None, link: Link = _SIGMOID
) -> Tensor:
    """EQL on foreground RoIs; on background RoIs a tail class's term is kept with probability mu, else dropped.

    Equation 6 of the paper: w ~ Bernoulli(mu) for the thresholded classes, drawn for each (RoI, class), and w = 1
    for the others; frequent classes are never dropped.

    Args:
        logits: (N, C) raw scores, no background column.
        labels: (N,) int64 in [0, C]; C is background.
        is_tail: (C,) bool, classes with f < lambda.
        mu: probability to keep; by default `drop_rate_mu` of this batch.
        link: from logit to probability; sigmoid (the authors') or Gumbel (GOL).

    Returns:
        (N,) loss in nats, summed over classes; dropped terms add exactly zero to it and to the gradient.
    """
    mu = drop_rate_mu(labels, is_tail) if mu is None else torch.as_tensor(mu, device=logits.device)
    num_classes = logits.size(1)
    drop_probability = torch.where(labels < num_classes, 1.0, 1.0 - mu).to(logits.dtype)
    tail = is_tail.to(logits.dtype)

    def kept(rows: slice) -> Tensor:
        dropped = torch.outer(drop_probability[rows], tail)
        return torch.rand_like(dropped).ge_(dropped)

    return binary_loss(logits, labels, link, kept=kept)
