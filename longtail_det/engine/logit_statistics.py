"""One pass over training batches that counts the logits of a trained detector."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.model import BaseModel
from torch.utils.data import DataLoader

from longtail_det.calibration import LogN


def collect_logit_statistics(model: BaseModel, batches: Iterable[Any]) -> None:
    """Gather the logit statistics of every `LogN` of a detector, over the RoIs that training would sample.

    The weights, the running means of norms and the state of losses stay as they are. On several ranks each counts its
    own batches, and all end with the statistics of all; every rank has to call it.

    Args:
        model: detector of mmdet, without its distributed wrapper.
        batches: of a training dataloader.

    Raises:
        ValueError: no head of the model has a LogN.
        RuntimeError: no RoI was seen.
    """
    found = [module for module in model.modules() if isinstance(module, LogN)]
    if not found:
        raise ValueError("no box head has calibration=dict(type='LogN'); there is nothing to collect logits for")
    was_training = model.training
    model.eval()
    try:
        for calibration in found:
            calibration.collecting = True
        with torch.no_grad():
            for batch in batches:
                model(**model.data_preprocessor(batch, True), mode='loss')
    finally:
        for calibration in found:
            calibration.collecting = False
        model.train(was_training)
    for calibration in found:
        calibration.statistics.sum_over_ranks()
        calibration.require_table()


def training_batches(loader: DataLoader[Any], num_images: int) -> Iterable[Any]:
    """Give some batches of a training dataloader, whose own iteration goes on undisturbed.

    Args:
        loader: of this rank.
        num_images: wanted over all ranks; rounded up to batches.
    """
    batch_sampler: Any = loader.batch_sampler
    number = -(-num_images // (batch_sampler.batch_size * get_world_size()))
    # a loader of its own: workers that persist would hand the batches of a second pass to the first one too
    apart = DataLoader(
        loader.dataset,
        batch_sampler=batch_sampler,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
    )
    return islice(apart, number)
