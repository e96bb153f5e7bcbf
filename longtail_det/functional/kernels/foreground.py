"""Foreground rows of a classifier's output, at the cost of one copy each way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _SplitForeground(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cls_score: Tensor, rows: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(rows)
        ctx.shape, ctx.num_classes = cls_score.shape, num_classes
        return cls_score[:, :num_classes].index_select(0, rows), cls_score[:, num_classes:].clone()

    @staticmethod
    def backward(ctx: Any, grad_classes: Tensor, grad_rest: Tensor) -> tuple[Tensor, None, None]:
        (rows,) = ctx.saved_tensors
        grad = grad_classes.new_zeros(ctx.shape)
        grad[:, : ctx.num_classes].index_copy_(0, rows, grad_classes)
        grad[:, ctx.num_classes :] = grad_rest
        return grad, None, None


def split_foreground(cls_score: Tensor, rows: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Select the class columns of some rows, and the remaining columns of all rows.

    The same as two slices and an index; but autograd would fill a full-size gradient for each of those three and
    add them up, which costs more than the loss itself.

    Args:
        cls_score: (N, C + K) logits.
        rows: (M,) int64, distinct row indices.
        num_classes: C.

    Returns:
        (M, C) class columns of `rows`, and (N, K) other columns.
    """
    return _SplitForeground.apply(cls_score, rows, num_classes)
