"""Sums what the losses counted over the ranks, after each iteration (docs/architecture.md)."""

from __future__ import annotations

from typing import Any, cast

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from longtail_det.losses import SyncedRows, SyncedStatistics


@HOOKS.register_module()
class StatisticsSyncHook(Hook):
    """Keep the statistics of the losses (EQLv2's gradients, Seesaw's counts with `sync=True`, ...) equal on all ranks.

    One sum over ranks after each training iteration, before any checkpoint is written: with it, two processes on half
    the batch each end with the buffers of one process on the whole batch, and rank 0's checkpoint is valid for every
    rank. With one process it only moves the update from the forward pass to the end of the iteration.
    """

    # before CheckpointHook (VERY_LOW)
    priority = 'NORMAL'

    def before_train(self, runner: Any) -> None:
        """Tell the losses that their counts will be fetched."""
        self._defer(runner, True)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Sum over ranks and apply."""
        sync_statistics(unwrapped(runner.model))

    def after_train(self, runner: Any) -> None:
        """Let the losses update by themselves again."""
        self._defer(runner, False)

    @staticmethod
    def _defer(runner: Any, deferred: bool) -> None:
        for module in _counting_modules(unwrapped(runner.model)):
            module.defer_statistics(deferred)


def sync_statistics(model: nn.Module) -> None:
    """Sum over ranks what the losses of a model have counted since the last call, and apply it.

    Losses that were not told to wait (`defer_statistics`) are up to date already and left alone. Every rank has to
    call it equally often; a rank whose loss was skipped adds zeros.

    Args:
        model: a model, or a loss by itself.
    """
    waiting = [module for module in _counting_modules(model) if module.statistics_deferred]
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


def _sum_over_ranks(values: list[Tensor]) -> list[Tensor]:
    if not sum(value.numel() for value in values):
        return values
    summed = torch.cat([value.flatten() for value in values])
    all_reduce(summed)
    parts = summed.split([value.numel() for value in values])
    return [part.view_as(value) for part, value in zip(parts, values, strict=True)]


def _counting_modules(model: nn.Module) -> list[SyncedStatistics]:
    return [module for module in model.modules() if isinstance(module, SyncedStatistics)]


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside a distributed wrapper, or the model itself.

    Args:
        model: a model or its wrapper.

    Returns:
        The model.
    """
    return cast(nn.Module, model.module) if is_model_wrapper(model) else model
