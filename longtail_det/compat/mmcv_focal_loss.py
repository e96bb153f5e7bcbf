"""The compiled focal loss of mmcv, which mmdet's dense heads call on a GPU, on plain torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Compute -a_t (1 - p_t)^gamma ln p_t (op `sigmoid_focal_loss_forward`; Lin et al., ICCV 2017, arXiv:1708.02002).

    Args:
        input: (N, C) logits; anything but float64 is computed in float32.
        target: (N,) int64 in [0, C]; C is background.
        weight: (C,) factor on the losses of all RoIs of a label but background; empty: none.
        output: (N, C) written in place.
        gamma: exponent.
        alpha: a_t of a positive; 1 - alpha of a negative.
    """
    output.copy_(_focal_loss(input.to(_precision(input)), target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Compute the derivative of each loss with respect to its logit (op `sigmoid_focal_loss_backward`).

    Args:
        grad_input: (N, C) written in place.
        input: as in `sigmoid_focal_loss_forward`, like all the others.
    """
    with torch.enable_grad():
        logits = input.detach().to(_precision(input)).requires_grad_()
        (grad,) = torch.autograd.grad(_focal_loss(logits, target, weight, gamma, alpha).sum(), logits)
    grad_input.copy_(grad)


def _focal_loss(logits: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float) -> Tensor:
    """Compute the (N, C) losses."""
    positive = F.one_hot(target, logits.size(1) + 1)[:, :-1].to(logits)
    loss = torchvision.ops.sigmoid_focal_loss(logits, positive, alpha, gamma)
    return loss * F.pad(weight, (0, 1), value=1.0)[target, None] if len(weight) else loss


def _precision(logits: Tensor) -> torch.dtype:
    return torch.promote_types(logits.dtype, torch.float32)
