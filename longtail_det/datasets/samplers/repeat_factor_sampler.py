"""The samplers of `longtail_det.sampling` by name in a config, with the factors of a RepeatFactorDataset."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import get_dist_info, sync_random_seed

from longtail_det import sampling


@DATA_SAMPLERS.register_module()
class RepeatFactorSampler(sampling.RepeatFactorSampler):
    """`longtail_det.sampling.RepeatFactorSampler` for EpochBasedTrainLoop; mmengine's DistSamplerSeedHook sets epochs.

    Args:
        dataset: a RepeatFactorDataset with `rounding='stochastic'`, also below wrappers that keep the number of
            items, or any dataset with `repeat_factors`, one per item.
        shuffle: whether the images come in random order.
        seed: of every draw; None (default) for one that the ranks agree on.
        epoch_length: 'fixed' gives all epochs the expected length: the loops of mmengine, which ask for it once, are
            then right about the number of steps. 'varying' draws each image by itself, as detectron2 does.

    Raises:
        TypeError: the dataset has no repeat factors.
        ValueError: unknown `epoch_length`, or factors that cannot be rounded here.
    """

    def __init__(
        self, dataset: Any, *, shuffle: bool = True, seed: int | None = None, epoch_length: str = 'fixed'
    ) -> None:
        self.dataset = dataset
        super().__init__(shuffle=shuffle, epoch_length=epoch_length, **_read_options(dataset, seed))


@DATA_SAMPLERS.register_module()
class InfiniteRepeatFactorSampler(sampling.InfiniteRepeatFactorSampler):
    """`longtail_det.sampling.InfiniteRepeatFactorSampler` for IterBasedTrainLoop.

    Args:
        dataset: as RepeatFactorSampler takes it.
        shuffle: whether the images of each draw come in random order.
        seed: of every draw; None (default) for one that the ranks agree on.

    Raises:
        TypeError: the dataset has no repeat factors.
        ValueError: factors that cannot be rounded here.
    """

    def __init__(self, dataset: Any, *, shuffle: bool = True, seed: int | None = None) -> None:
        self.dataset = dataset
        super().__init__(shuffle=shuffle, **_read_options(dataset, seed))


def _read_options(dataset: Any, seed: int | None) -> dict[str, Any]:
    """Find the factors below wrappers; return them, the first position of each image, the seed and the rank."""
    source = sampling.unwrap(dataset, 'repeat_factors')
    if not hasattr(source, 'repeat_factors'):
        raise TypeError(
            f'{type(dataset).__name__} has no repeat factors to sample by; wrap it in the config: '
            "dataset=dict(type='RepeatFactorDataset', rounding='stochastic', dataset=...)"
        )
    if getattr(source, 'rounding', 'stochastic') != 'stochastic':
        raise ValueError(
            f"{type(source).__name__} has rounding={source.rounding!r}; set rounding='stochastic' to sample by its "
            'repeat factors, or use DefaultSampler or InfiniteSampler'
        )
    num_items = len(getattr(source, 'repeat_indices', source.repeat_factors))
    if len(dataset) != num_items:
        raise ValueError(
            f'{type(dataset).__name__} has {len(dataset)} items, but its repeat factors are for {num_items}; put '
            'RepeatFactorDataset around it, and leave out num_batch_per_epoch'
        )
    if not num_items:
        raise ValueError(f'{type(dataset).__name__} holds no image; correct its ann_file or filter_cfg')
    rank, world_size = get_dist_info()
    return dict(
        factors=source.repeat_factors,
        positions=getattr(source, 'first_positions', np.arange(num_items)),
        seed=sync_random_seed() if seed is None else seed,
        rank=rank,
        world_size=world_size,
    )
