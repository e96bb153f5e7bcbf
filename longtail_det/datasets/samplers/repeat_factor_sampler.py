"""Samplers that round the repeat factors of images at random, anew each epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, count, islice
from typing import Any

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import get_dist_info, sync_random_seed
from numpy.typing import NDArray
from torch.utils.data import Sampler

from longtail_det.statistics import draw_repeats

_EPOCH_LENGTHS = ('fixed', 'varying')


class _RepeatFactorDraw(Sampler[int]):
    """What both samplers share: the draw of an epoch, the same on every rank.

    Args:
        dataset: a RepeatFactorDataset, or a data set with `repeat_factors`, one per image.
        shuffle: whether the images come in random order.
        seed: of every draw; None for one that the ranks agree on.
        fixed_total: as `draw_repeats` takes it.
    """

    def __init__(self, dataset: Any, shuffle: bool, seed: int | None, fixed_total: bool) -> None:
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.rank, self.world_size = get_dist_info()
        self._fixed_total = fixed_total
        self._factors, self._first_positions = _read_factors(dataset)

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        """Positions of an epoch of all ranks, each image as often as drawn."""
        generator = np.random.default_rng([self.seed, epoch])
        repeats = draw_repeats(self._factors, generator, fixed_total=self._fixed_total)
        positions = np.repeat(self._first_positions, repeats)
        return generator.permutation(positions) if self.shuffle else positions


@DATA_SAMPLERS.register_module()
class RepeatFactorSampler(_RepeatFactorDraw):
    """Show each image `floor(r)` or `ceil(r)` times an epoch, r times on average; for EpochBasedTrainLoop.

    The rounding is that of detectron2's RFS. It is drawn anew each epoch from `seed` and the number of the epoch, so
    the same on every rank and after a resume; the ranks then take turns at the list, and all get equally many.

    Args:
        dataset: a RepeatFactorDataset with `rounding='stochastic'`, also below wrappers that keep the number of
            items, or any data set with `repeat_factors`, one per item.
        shuffle: whether the images come in random order.
        seed: of every draw; None (default) for one that the ranks agree on.
        epoch_length: 'fixed' draws the repeats jointly, so that all epochs have the expected length and the loops
            of mmengine, which ask for it once, are right about the number of steps. 'varying' draws each image by
            itself, as detectron2 does; the length is then that of the current epoch.

    Raises:
        TypeError: the data set has no repeat factors.
        ValueError: unknown `epoch_length`, or factors that cannot be rounded here.
    """

    def __init__(
        self, dataset: Any, *, shuffle: bool = True, seed: int | None = None, epoch_length: str = 'fixed'
    ) -> None:
        if epoch_length not in _EPOCH_LENGTHS:
            raise ValueError(f"epoch_length is {epoch_length!r}, expected 'fixed' or 'varying'")
        super().__init__(dataset, shuffle, seed, fixed_total=epoch_length == 'fixed')
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the repeats of an epoch; mmengine's DistSamplerSeedHook calls this before each."""
        self.epoch = epoch
        self._positions = self._draw(epoch)

    def __iter__(self) -> Iterator[int]:
        padded = np.resize(self._positions, len(self) * self.world_size)
        return iter(padded[self.rank :: self.world_size].tolist())

    def __len__(self) -> int:
        """Samples of one rank in the current epoch."""
        total = math.ceil(self._factors.sum()) if self._fixed_total else len(self._positions)
        return math.ceil(total / self.world_size)


@DATA_SAMPLERS.register_module()
class InfiniteRepeatFactorSampler(_RepeatFactorDraw):
    """Endless RepeatFactorSampler, one draw of the repeats after the other; for IterBasedTrainLoop.

    The ranks take turns at one endless list, so nothing is padded.

    Args:
        dataset: as RepeatFactorSampler takes it.
        shuffle: whether the images of each draw come in random order.
        seed: of every draw; None (default) for one that the ranks agree on.

    Raises:
        TypeError: the data set has no repeat factors.
        ValueError: factors that cannot be rounded here.
    """

    def __init__(self, dataset: Any, *, shuffle: bool = True, seed: int | None = None) -> None:
        super().__init__(dataset, shuffle, seed, fixed_total=False)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the list has no epochs. mmengine's loops call this."""

    def __iter__(self) -> Iterator[int]:
        endless = chain.from_iterable(self._draw(epoch).tolist() for epoch in count())
        return islice(endless, self.rank, None, self.world_size)

    def __len__(self) -> int:
        """Samples of one rank in an average draw."""
        return math.ceil(self._factors.sum() / self.world_size)


def _read_factors(dataset: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the factors below wrappers; give them and the first position of each image."""
    source = dataset
    while not hasattr(source, 'repeat_factors') and hasattr(source, 'dataset'):
        source = source.dataset
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
    factors = np.asarray(source.repeat_factors, dtype=np.float64)
    num_items = len(getattr(source, 'repeat_indices', factors))
    if len(dataset) != num_items:
        raise ValueError(
            f'{type(dataset).__name__} has {len(dataset)} items, but its repeat factors are for {num_items}; put '
            'RepeatFactorDataset around it, and leave out num_batch_per_epoch'
        )
    if not num_items:
        raise ValueError(f'{type(dataset).__name__} holds no image; correct its ann_file or filter_cfg')
    return factors, getattr(source, 'first_positions', np.arange(num_items))
