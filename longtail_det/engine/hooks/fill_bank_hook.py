"""Fills the memory of a head by one pass over the training data, before the first step."""

from __future__ import annotations

from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch.utils.data import DataLoader

from .statistics_sync_hook import unwrapped


@HOOKS.register_module()
class FillBankHook(Hook):
    """Before training, show every training image once to a RoI head that stores features of objects (`LOCERoIHead`).

    It costs a forward pass of backbone and neck per image; the ranks share the images, and each fills its own bank. A
    run that resumes has the bank of its checkpoint.

    Raises:
        ValueError: the RoI head of the model stores nothing.
    """

    # after the hooks that bring classes and weights
    priority = 'LOW'

    @torch.no_grad()
    def before_train(self, runner: Any) -> None:
        """Fill an empty bank."""
        model: Any = unwrapped(runner.model)
        roi_head: Any = getattr(model, 'roi_head', None)
        if not hasattr(roi_head, 'remember_objects'):
            raise ValueError(
                f'FillBankHook: {type(roi_head).__name__} stores no objects; set type=LOCERoIHead, or leave it out'
            )
        if roi_head.bbox_head.bank.written.any():
            return
        loader = _one_pass(runner.train_dataloader)
        print_log(f'filling the memory from {len(loader)} batches', logger='current')
        model.eval()
        for batch in loader:
            data = model.data_preprocessor(batch, True)
            roi_head.remember_objects(model.extract_feat(data['inputs']), data['data_samples'])
        stored = roi_head.bbox_head.bank.counts
        print_log(
            f'the memory holds {int(stored.sum())} features of {int((stored > 0).sum())} classes', logger='current'
        )


def _one_pass(loader: DataLoader) -> DataLoader:
    """Return a loader of the same data that shows each image once; the order of the training loader goes on anew."""
    return DataLoader(
        loader.dataset,
        batch_size=loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1),
        sampler=DefaultSampler(loader.dataset, shuffle=True, seed=0),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
    )
