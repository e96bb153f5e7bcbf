"""Losses that bring their own gradient, evaluated in blocks of rows that stay in the cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

#: elements of a block on a CPU, about; two megabytes: the passes over it run in the cache, and it is worth its overhead
_CPU_BLOCK = 2**19


def _is_not_compiling() -> bool:
    """Return False: torch 2.1 cannot tell whether it compiles, and the kernels run outside of its graphs."""
    return False


#: whether `torch.compile` is tracing
is_compiling: Callable[[], bool] = getattr(torch.compiler, 'is_compiling', _is_not_compiling)


def selects_rows(logits: Tensor) -> bool:
    """Return whether rows may be chosen by their values: elsewhere the host waits for the device, or a graph breaks.

    Args:
        logits: what the rows are of.
    """
    return logits.device.type == 'cpu' and not is_compiling()


class Kernel(Protocol):
    """A loss per row and its gradient, for a block of rows: (n, K) logits, and which rows of the batch they are."""

    def value(self, x: Tensor, rows: slice) -> Tensor:
        """Return (n,) losses."""
        ...

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        """Return (n,) losses; the (n, K) derivatives are written into `gradient`."""
        ...


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, kernel: Kernel, definition: Callable[[Tensor], Tensor]) -> Tensor:
        loss = logits.new_empty(logits.size(0))
        gradient = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        for rows in row_blocks(logits):
            if gradient is None:
                loss[rows] = kernel.value(logits[rows], rows)
            else:
                loss[rows] = kernel.both(logits[rows], rows, gradient[rows])
        ctx.kernel, ctx.definition, ctx.gradient = kernel, definition, gradient
        ctx.save_for_backward(logits)
        return loss

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, None, None]:
        (logits,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True: this pass is itself being differentiated
            loss = ctx.definition(logits)
            return torch.autograd.grad(loss, logits, grad_loss, create_graph=True)[0], None, None
        gradient, ctx.gradient = ctx.gradient, None  # given away, so that one matrix is enough
        if gradient is None:  # the second pass through a graph that was retained
            gradient = torch.empty_like(logits)
            for rows in row_blocks(logits):
                ctx.kernel.both(logits[rows], rows, gradient[rows])
        return gradient.mul_(grad_loss[:, None]), None, None


def row_blocks(logits: Tensor) -> list[slice]:
    """Return blocks of the rows of (N, K) `logits` for a CPU; a GPU takes all rows at once."""
    num_rows = logits.size(0)
    if logits.device.type != 'cpu':
        return [slice(0, num_rows)]
    step = max(math.ceil(num_rows / max(round(logits.numel() / _CPU_BLOCK), 1)), 1)
    return [slice(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]


def fused_loss(logits: Tensor, kernel: Kernel, definition: Callable[[Tensor], Tensor]) -> Tensor:
    """Return a loss per row whose gradient is known.

    Autograd would keep several matrices of the size of the logits; this keeps one beside the logits. Autocast is off
    inside.

    Args:
        logits: (N, K) float.
        kernel: gives losses and gradients of a block of rows.
        definition: gives the same (N,) losses in plain torch; a backward pass with `create_graph=True` takes it.

    Returns:
        (N,) loss per row, differentiable any number of times with respect to `logits`.
    """
    with torch.autocast(logits.device.type, enabled=False):
        return _Fused.apply(logits, kernel, definition)
