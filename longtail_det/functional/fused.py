"""Losses that bring their own gradient: one pass over the logits gives both, in pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

#: logits of a block of rows, and the block -> loss per row, and gradient of that loss for each logit
Kernel = Callable[[Tensor, slice], tuple[Tensor, Tensor]]

#: elements of a block on a CPU; half a megabyte, so that the passes over it run in the cache
_CPU_BLOCK = 2**17


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, kernel: Kernel) -> Tensor:
        loss = logits.new_empty(logits.size(0))
        gradient = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        for rows in row_blocks(logits):
            loss[rows], block_gradient = kernel(logits[rows], rows)
            if gradient is not None:
                gradient[rows] = block_gradient
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, None]:
        refuse_second_order()
        (gradient,) = ctx.saved_tensors
        return gradient * grad_loss[:, None], None


def row_blocks(logits: Tensor) -> list[slice]:
    """Cut the rows into blocks for a CPU; a GPU takes them all at once."""
    num_rows = logits.size(0)
    if logits.is_cuda:
        return [slice(0, num_rows)]
    step = max(_CPU_BLOCK // max(logits.size(1), 1), 1)
    return [slice(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]


def fused_loss(logits: Tensor, kernel: Kernel) -> Tensor:
    """Evaluate a loss per row together with its analytic gradient.

    Autograd would keep several matrices of the size of the logits; this keeps one.

    Args:
        logits: (N, K) float.
        kernel: gives, for a block of rows, (n,) losses and their (n, K) gradients.

    Returns:
        (N,) loss per row, differentiable once with respect to `logits`.

    Raises:
        RuntimeError: in a backward pass with `create_graph=True`.
    """
    return _Fused.apply(logits, kernel)


def refuse_second_order() -> None:
    """Raise inside a backward pass that is itself being differentiated (`create_graph=True`), rather than be wrong.

    Raises:
        RuntimeError: grad mode is on, which autograd switches off in an ordinary backward pass.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(
            'this loss brings its own gradient and cannot be differentiated twice; call backward or autograd.grad '
            'without create_graph=True'
        )
