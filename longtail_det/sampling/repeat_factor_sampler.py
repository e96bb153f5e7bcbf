"""Samplers that round the repeat factors of images at random, anew each epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, count
from typing import Any

import numpy as np
import torch.distributed as dist
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from longtail_det.checks import whole
from longtail_det.statistics import draw_repeats

_EPOCH_LENGTHS = ('fixed', 'varying')
_BLOCK = 1 << 16  # images drawn, and positions handed out, at a time


class _RepeatFactorDraw(Sampler[int]):
    """The draw of an epoch, the same on every rank."""

    _fixed_total = False

    def __init__(
        self,
        factors: ArrayLike,
        *,
        positions: ArrayLike | None = None,
        shuffle: bool = True,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        distributed = dist.is_available() and dist.is_initialized()
        self.shuffle = shuffle
        self.seed = whole('seed', seed, 0)
        self.rank = rank if rank is not None else dist.get_rank() if distributed else 0
        self.world_size = world_size if world_size is not None else dist.get_world_size() if distributed else 1
        self._factors = np.asarray(factors, dtype=np.float64)
        if not len(self._factors):
            raise ValueError('there are no images to sample; expected one repeat factor for each image')
        self._first_positions = None if positions is None else np.asarray(positions)

    def _draw(self, epoch: int) -> NDArray[np.integer]:
        """Return the positions of an epoch of all ranks, each image as often as drawn, in 4 bytes each."""
        generator = np.random.default_rng([self.seed, epoch])
        # a total that is fixed is drawn over all images at once
        block = len(self._factors) if self._fixed_total else _BLOCK
        parts = []
        for start in range(0, len(self._factors), block):
            factors = self._factors[start : start + block]
            images: NDArray[np.int32] = np.arange(start, start + len(factors), dtype=np.int32)
            if self._first_positions is not None:
                images = self._first_positions[start : start + block].astype(np.int32)
            parts.append(np.repeat(images, draw_repeats(factors, generator, fixed_total=self._fixed_total)))
        positions = np.concatenate(parts)
        if self.shuffle:
            generator.shuffle(positions)
        return positions


class RepeatFactorSampler(_RepeatFactorDraw):
    """Show each image `floor(r)` or `ceil(r)` times an epoch, r times on average, in any torch `DataLoader`.

    The rounding is that of detectron2's RFS. It is drawn anew each epoch from `seed` and the number of the epoch, so
    the same on every rank and after a resume; the ranks then take turns at the list, and all get equally many.

    Args:
        factors: (I,) repeat factors, such as `repeat_factors` computes.
        positions: (I,) position of each image in the dataset; by default 0, 1, ...
        shuffle: whether the images come in random order.
        seed: of every draw; the same on all ranks.
        epoch_length: 'fixed' draws the repeats jointly, so that all epochs have the expected length. 'varying' draws
            each image by itself, as detectron2 does; the length is then that of the current epoch.
        rank: of this process; by default that of `torch.distributed`, where it is initialized.
        world_size: number of processes; by default likewise.

    Raises:
        ValueError: unknown `epoch_length`, or no image.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> from longtail_det.sampling import repeat_factors
        >>> dataset, labels = ['dog 1', 'dog 2', 'dog 3', 'dog and eel'], [[0], [0], [0], [0, 1]]
        >>> sampler = RepeatFactorSampler(repeat_factors(labels, oversample_thr=1.0))
        >>> sampler.set_epoch(0)  # before each epoch
        >>> sorted(item for batch in DataLoader(dataset, batch_size=2, sampler=sampler) for item in batch)
        ['dog 1', 'dog 2', 'dog 3', 'dog and eel', 'dog and eel']
    """

    def __init__(self, factors: ArrayLike, *, epoch_length: str = 'fixed', **options: Any) -> None:
        if epoch_length not in _EPOCH_LENGTHS:
            raise ValueError(f"epoch_length is {epoch_length!r}, expected 'fixed' or 'varying'")
        super().__init__(factors, **options)
        self._fixed_total = epoch_length == 'fixed'
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the repeats of an epoch; to be called before each."""
        self.epoch = epoch
        self._positions = self._draw(epoch)

    def __iter__(self) -> Iterator[int]:
        padded = np.resize(self._positions, len(self) * self.world_size)
        return _as_ints(padded[self.rank :: self.world_size].copy())

    def __len__(self) -> int:
        """Return the samples of one rank in the current epoch."""
        total = math.ceil(self._factors.sum()) if self._fixed_total else len(self._positions)
        return math.ceil(total / self.world_size)


class InfiniteRepeatFactorSampler(_RepeatFactorDraw):
    """Endless RepeatFactorSampler, one draw of the repeats after the other.

    The ranks take turns at one endless list, so nothing is padded. Of that list a rank holds its share of one draw, 4
    bytes an image.

    Args:
        factors: (I,) repeat factors.
        positions: (I,) position of each image in the dataset; by default 0, 1, ...
        shuffle: whether the images of each draw come in random order.
        seed: of every draw; the same on all ranks.
        rank: of this process; by default that of `torch.distributed`, where it is initialized.
        world_size: number of processes; by default likewise.

    Raises:
        ValueError: no image.
    """

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the list has no epochs. mmengine's loops call this."""

    def __iter__(self) -> Iterator[int]:
        first = self.rank
        for epoch in count():
            positions = self._draw(epoch)
            own = positions[first :: self.world_size].copy()
            first = (first - len(positions)) % self.world_size
            del positions  # the others' share, while this one is handed out
            yield from _as_ints(own)

    def __len__(self) -> int:
        """Return the samples of one rank in an average draw."""
        return math.ceil(self._factors.sum() / self.world_size)


def _as_ints(positions: NDArray[np.integer]) -> Iterator[int]:
    """Return the positions as Python's integers, of which only a block exists at a time."""
    return chain.from_iterable(positions[start : start + _BLOCK].tolist() for start in range(0, len(positions), _BLOCK))
