"""Sums over ranks of what the losses of a model have counted, outside of any forward pass."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .statistics_sync import SyncedStatistics
from .synced_rows import SyncedRows


def sync_statistics(model: nn.Module) -> None:
    """Sum over ranks what the losses of a model have counted since the last call, and apply it.

    Losses that were not told to wait (`defer_statistics`) are up to date already and left alone. Every rank has to
    call it equally often; a rank whose loss was skipped adds zeros. Without `torch.distributed` nothing is summed.

    Args:
        model: a model, or a loss by itself.
    """
    waiting = [module for module in counting_modules(model) if module.statistics_deferred]
    modules = [module for module in waiting if module.pending_statistics().numel()]
    summed = _sum_over_ranks([module.pending_statistics() for module in modules])
    tables = [(m, counts) for m, counts in zip(modules, summed, strict=True) if isinstance(m, SyncedRows)]
    # whose rows were moved on any rank is known now
    rows = iter(_sum_over_ranks([module.pending_rows(counts) for module, counts in tables]))
    for module, values in zip(modules, summed, strict=True):
        if isinstance(module, SyncedRows):
            module.flush_statistics(values, next(rows))
        else:
            module.flush_statistics(values)


def counting_modules(model: nn.Module) -> list[SyncedStatistics]:
    """Return the losses of a model that count while they train.

    Args:
        model: a model, or a loss by itself.
    """
    return [module for module in model.modules() if isinstance(module, SyncedStatistics)]


def _sum_over_ranks(values: list[Tensor]) -> list[Tensor]:
    if not sum(value.numel() for value in values):
        return values
    summed = torch.cat([value.flatten() for value in values])
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(summed)
    parts = summed.split([value.numel() for value in values])
    return [part.view_as(value) for part, value in zip(parts, values, strict=True)]
