"""Test-time corrections of class scores for the long tail: one method, one function."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

#: smallest variance that LogN divides by
VAR_FLOOR = 1e-11
NORCAL_VARIANTS = ('exp', 'probs', 'logits')


def norcal(
    logits: Tensor,
    image_count: Tensor,
    gamma: float,
    *,
    variant: str = 'exp',
    renormalize: bool = True,
    sigmoid: bool = False,
) -> Tensor:
    """Compute NorCal scores: odds of class j divided by a_j = n_j^gamma (Pan et al., NeurIPS 2021).

    Args:
        logits: (N, C + 1), background last; with `sigmoid` (N, C) log odds.
        image_count: (C,) training images of each class; 0 counts as 1.
        gamma: strength; 0 changes nothing.
        variant: 'exp' divides exp(x_j), computed as softmax(x_j - gamma ln n_j); 'probs' divides the probability;
            'logits' multiplies the logit by 1 / a_j.
        renormalize: divide by the row sum; without it the probabilities are p_j / a_j, and 'logits' is refused.
        sigmoid: each class stands alone: its row is the class and 'not the class', and sums to 1 by itself.

    Returns:
        (N, C + 1) scores, with `sigmoid` (N, C), in [0, 1].

    Raises:
        ValueError: an unknown variant, or 'logits' without `renormalize`.
    """
    if variant not in NORCAL_VARIANTS or (variant == 'logits' and not renormalize):
        raise ValueError(
            f'norcal: variant={variant!r}, renormalize={renormalize}; expected one of {NORCAL_VARIANTS}, and '
            "renormalize=True with 'logits', whose softmax always sums to 1"
        )
    log_a = gamma * image_count.clamp(min=1).double().log()
    inverse_a = _columns((-log_a).exp(), logits, other=1.0)
    if variant == 'logits':
        return _activate(logits * inverse_a, sigmoid)
    if not renormalize:
        return _activate(logits, sigmoid) * inverse_a
    if variant == 'exp' or sigmoid:
        return _activate(logits - _columns(log_a, logits), sigmoid)
    scores = logits.softmax(dim=-1) * inverse_a
    return scores / scores.sum(dim=-1, keepdim=True)


def logit_adjustment(logits: Tensor, count: Tensor, tau: float = 1.0) -> Tensor:
    """Compute adjusted logits x_j - tau ln(n_j / sum n) (Menon et al., ICLR 2021).

    Args:
        logits: (N, C + 1), background last, or (N, C) log odds.
        count: (C,) training images or instances of each class; 0 counts as 1.
        tau: strength; 0 changes nothing.

    Returns:
        Logits of the same shape, background untouched.
    """
    count = count.clamp(min=1).double()
    return logits - _columns(tau * (count / count.sum()).log(), logits)


def iif(logits: Tensor, image_count: Tensor, num_images: float | Tensor, *, sigmoid: bool = False) -> Tensor:
    """Compute scores softmax(w x), w_j = ln(N / n_j), background 1 (Alexandridis et al., 2022).

    Args:
        logits: (N, C + 1), background last; with `sigmoid` (N, C) log odds.
        image_count: (C,) training images of each class; 0 counts as 1.
        num_images: all N images of the training file.
        sigmoid: each class stands alone.

    Returns:
        (N, C + 1) scores, with `sigmoid` (N, C), in [0, 1].
    """
    weight = (num_images / image_count.clamp(min=1).double()).log()
    return _activate(logits * _columns(weight, logits, other=1.0), sigmoid)


def logn(logits: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """Compute logits (x_j - mean_j + beta) / sd_j, beta the least class mean (LogN, Zhao et al., 2022).

    Args:
        logits: (N, C + 1), background last.
        mean: (C + 1,) mean of each column over training RoIs.
        var: (C + 1,) variance of each column; below 1e-11 it counts as 1e-11.

    Returns:
        (N, C + 1) logits, background column untouched.
    """
    mean, var = mean[:-1].double(), var[:-1].double()
    scale = var.clamp(min=VAR_FLOOR).rsqrt()
    return logits * _columns(scale, logits, other=1.0) - _columns((mean - mean.min()) * scale, logits)


def fracal(
    logits: Tensor,
    image_count: Tensor,
    num_images: float | Tensor,
    fractal_dim: Tensor,
    *,
    strength: float = 2.0,
    sigmoid: bool = False,
) -> Tensor:
    """Compute FRACAL scores (Alexandridis et al., CVPR 2025).

    With w_j = log10(N / n_j) - log10(C) and background 0, softmax(x + w) is divided by D_j^strength (background 1) and
    by its row sum; that is softmax(x + w - strength ln D). With `sigmoid` the score is
    sigmoid(x) sigmoid(x + w + e), where e_j = -log10(D_j^strength / sum_k D_k^strength) - log10(C).

    Args:
        logits: (N, C + 1), background last; with `sigmoid` (N, C) log odds.
        image_count: (C,) training images of each class; 0 counts as 1.
        num_images: all N images of the training file, those without objects too (100 170 for LVIS v1).
        fractal_dim: (C,) from `statistics.fractal_dimension`, at least 1.
        strength: of the spread; 0 leaves the frequency part.
        sigmoid: each class stands alone.

    Returns:
        (N, C + 1) scores, with `sigmoid` (N, C), in [0, 1].
    """
    log_classes = math.log10(len(image_count))
    shift = (num_images / image_count.clamp(min=1).double()).log10() - log_classes
    if sigmoid:
        spread = fractal_dim.double().pow(strength)
        shift = shift - (spread / spread.sum()).log10() - log_classes
        return logits.sigmoid() * (logits + _columns(shift, logits)).sigmoid()
    return (logits + _columns(shift - strength * fractal_dim.double().log(), logits)).softmax(dim=-1)


def _columns(of_classes: Tensor, logits: Tensor, other: float = 0.0) -> Tensor:
    """Bring one value per class to the columns of logits; a background column gets `other`."""
    return F.pad(of_classes, (0, logits.size(1) - len(of_classes)), value=other).to(logits.dtype)


def _activate(logits: Tensor, sigmoid: bool) -> Tensor:
    return torch.sigmoid(logits) if sigmoid else logits.softmax(dim=-1)
