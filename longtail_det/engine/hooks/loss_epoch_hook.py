"""Tells the losses which epoch it is."""

from __future__ import annotations

import logging
from typing import Any

from mmdet.registry import HOOKS
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import IterBasedTrainLoop

from longtail_det.losses import PCB

from .statistics_sync_hook import unwrapped


@HOOKS.register_module()
class LossEpochHook(Hook):
    """Tell every `PCB` loss the epoch, counted from 1, in a schedule of epochs or of iterations.

    In a schedule of iterations an epoch is as many images as the training dataset has items, over all ranks, and the
    loss may start within a pass of an endless sampler. A loss whose `start_epoch` comes after the end of the schedule
    is named in the log.
    """

    def __init__(self) -> None:
        self._losses: list[PCB] = []
        self._images_per_iter: int | None = None

    def before_train(self, runner: Any) -> None:
        """Find the losses and the length of an epoch."""
        self._losses = [module for module in unwrapped(runner.model).modules() if isinstance(module, PCB)]
        loop = runner.train_loop
        self._images_per_iter = None
        if isinstance(loop, IterBasedTrainLoop):
            self._images_per_iter = runner.train_dataloader.batch_sampler.batch_size * get_world_size()
            last = self._epoch(runner, loop.max_iters - 1)
        else:
            last = loop.max_epochs
        for start in sorted({loss.start_epoch for loss in self._losses if loss.start_epoch > last}):
            print_log(
                f'PCB: start_epoch={start}, but training ends in epoch {last}, so PCB never begins; expected '
                f'start_epoch at most {last}, or a longer schedule',
                logger='current',
                level=logging.WARNING,
            )

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Tell the losses the epoch."""
        epoch = runner.epoch + 1 if self._images_per_iter is None else self._epoch(runner, runner.iter)
        for loss in self._losses:
            loss.set_epoch(epoch)

    def _epoch(self, runner: Any, iteration: int) -> int:
        assert self._images_per_iter is not None
        return iteration * self._images_per_iter // len(runner.train_dataloader.dataset) + 1
