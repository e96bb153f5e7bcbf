"""DropLoss (Hsieh et al., AAAI 2021, arXiv:2104.06402); CutLER's loss of the same name is another one."""

from __future__ import annotations

import torch
from torch import Tensor

from ..activations import SIGMOID, Activation
from .binary_cross_entropy import binary_cross_entropy, one_hot


def drop_loss(logits: Tensor, labels: Tensor, dropped: Tensor, *, activation: Activation = SIGMOID) -> Tensor:
    """Binary cross entropy without the negative terms that were dropped.

    Args:
        logits: (N, C) raw scores, no background column.
        labels: (N,) int64 in [0, C]; C is background.
        dropped: (N, C) bool of `dropped_terms`.
        activation: from logit to probability; sigmoid (the authors') or Gumbel (GOL).

    Returns:
        (N, C) loss in nats, unreduced; dropped terms add exactly zero to it and to the gradient.
    """
    target = one_hot(labels, logits.size(1))
    return torch.where(dropped & ~target, 0.0, binary_cross_entropy(logits, target, activation))


def dropped_terms(labels: Tensor, is_tail: Tensor, mu: Tensor | float, draw: Tensor) -> Tensor:
    """Select the terms to drop: tail classes on every foreground RoI (EQL), on a background RoI each at random.

    Equation 6 of the paper: w ~ Bernoulli(mu) for the thresholded classes, drawn for each (RoI, class), and w = 1
    for the others; frequent classes are never dropped.

    Args:
        labels: (N,) int64 in [0, C]; C is background.
        is_tail: (C,) bool, classes with f < lambda.
        mu: probability to keep a term, of `drop_rate_mu`.
        draw: (N, C) float, uniform in [0, 1).

    Returns:
        (N, C) bool.
    """
    drop_probability = torch.where(labels < is_tail.numel(), 1.0, 1.0 - mu)
    return is_tail & (draw < drop_probability.to(draw)[:, None])


def drop_rate_mu(tail: Tensor, foreground: Tensor) -> Tensor:
    """Return mu = tail / foreground of a batch, and 1 (drop nothing) where there is no foreground.

    Args:
        tail: scalar, foreground RoIs of tail classes.
        foreground: scalar, foreground RoIs.

    Returns:
        Scalar float in [0, 1].
    """
    return torch.where(foreground > 0, tail / foreground.clamp(min=1), torch.ones_like(tail))


def tail_counts(labels: Tensor, is_tail: Tensor) -> tuple[Tensor, Tensor]:
    """Return the number of foreground RoIs of a tail class, and of all foreground RoIs.

    Args:
        labels: (N,) int64 in [0, C]; C is background.
        is_tail: (C,) bool.

    Returns:
        Two scalar floats; they can be summed over processes.
    """
    with_background = torch.cat([is_tail, is_tail.new_zeros(1)])
    return with_background[labels].sum().float(), (labels < is_tail.numel()).sum().float()
