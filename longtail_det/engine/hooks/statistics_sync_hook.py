"""Sums what the losses counted over the ranks, after each iteration (docs/architecture.md)."""

from __future__ import annotations

from typing import Any, cast

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from longtail_det.losses import counting_modules, sync_statistics


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
        for module in counting_modules(unwrapped(runner.model)):
            module.defer_statistics(deferred)


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside a distributed wrapper, or the model itself."""
    return cast(nn.Module, model.module) if is_model_wrapper(model) else model
