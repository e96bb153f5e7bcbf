"""Gathers logit statistics when training ends, before the last checkpoint is written."""

from __future__ import annotations

from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log

from longtail_det.checks import whole

from ..logit_statistics import collect_logit_statistics, training_batches
from .statistics_sync_hook import unwrapped


@HOOKS.register_module()
class LogitStatisticsHook(Hook):
    """At the end of training, give every `LogN` of the model the statistics of some training images.

    Args:
        num_images: training images to look at, over all ranks; rounded up to batches.

    Raises:
        ValueError: the model has no `LogN`.
    """

    # before CheckpointHook (VERY_LOW), so that the last checkpoint holds the statistics
    priority = 'NORMAL'

    def __init__(self, num_images: int = 2000) -> None:
        self.num_images = whole('num_images', num_images, 1)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Gather after the last iteration."""
        if runner.iter + 1 < runner.max_iters:
            return
        print_log(f'gathering the logits of {self.num_images} training images', logger='current')
        collect_logit_statistics(unwrapped(runner.model), training_batches(runner.train_dataloader, self.num_images))
