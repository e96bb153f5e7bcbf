"""Tells the losses which epoch begins."""

from __future__ import annotations

from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook

from longtail_det.losses import PCB

from .statistics_sync_hook import unwrapped


@HOOKS.register_module()
class LossEpochHook(Hook):
    """Call `set_epoch` of every `PCB` loss before each training epoch; epochs are counted from 1."""

    def before_train_epoch(self, runner: Any) -> None:
        """Tell the losses the epoch."""
        for module in unwrapped(runner.model).modules():
            if isinstance(module, PCB):
                module.set_epoch(runner.epoch + 1)
