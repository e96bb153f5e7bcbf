"""Losses that bring their own gradient, evaluated in blocks of rows that stay in the cache."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

#: elements of a block on a CPU; a megabyte: the passes over it run in the cache
_CPU_BLOCK = 2**18


class Kernel(Protocol):
    """A loss per row and its gradient, for a block of rows: (n, K) logits, and which rows of the batch they are."""

    #: keep the (N, K) gradient of the forward pass; False where computing it in the backward pass costs less than
    #: writing it to memory and reading it again
    keeps_gradient: bool

    def value(self, x: Tensor, rows: slice) -> Tensor:
        """(n,) losses."""
        ...

    def gradient(self, x: Tensor, rows: slice) -> Tensor:
        """(n, K) derivatives of each row's loss."""
        ...

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        """(n,) losses; the (n, K) derivatives are written into `gradient`."""
        ...


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, kernel: Kernel) -> Tensor:
        loss = logits.new_empty(logits.size(0))
        keep = kernel.keeps_gradient and ctx.needs_input_grad[0]
        gradient = torch.empty_like(logits) if keep else None
        for rows in row_blocks(logits):
            if gradient is None:
                loss[rows] = kernel.value(logits[rows], rows)
            else:
                loss[rows] = kernel.both(logits[rows], rows, gradient[rows])
        ctx.kernel = kernel
        ctx.save_for_backward(logits if gradient is None else gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, None]:
        refuse_second_order()
        (saved,) = ctx.saved_tensors
        if ctx.kernel.keeps_gradient:
            return saved * grad_loss[:, None], None
        gradient = torch.empty_like(saved)
        for rows in row_blocks(saved):
            torch.mul(ctx.kernel.gradient(saved[rows], rows), grad_loss[rows, None], out=gradient[rows])
        return gradient, None


def row_blocks(logits: Tensor) -> list[slice]:
    """Cut the rows into blocks for a CPU; a GPU takes them all at once."""
    num_rows = logits.size(0)
    if logits.is_cuda:
        return [slice(0, num_rows)]
    step = max(_CPU_BLOCK // max(logits.size(1), 1), 1)
    return [slice(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]


def fused_loss(logits: Tensor, kernel: Kernel) -> Tensor:
    """Evaluate a loss per row whose gradient is known.

    Autograd would keep several matrices of the size of the logits; this keeps one. Autocast is off inside.

    Args:
        logits: (N, K) float.
        kernel: gives losses and gradients of a block of rows.

    Returns:
        (N,) loss per row, differentiable once with respect to `logits`.

    Raises:
        RuntimeError: in a backward pass with `create_graph=True`.
    """
    with torch.autocast(logits.device.type, enabled=False):
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
