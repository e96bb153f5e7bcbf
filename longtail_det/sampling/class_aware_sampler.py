"""A sampler that shows every class equally often: an endless stream of classes, and of the images of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray
from torch.utils.data import Sampler

from longtail_det.checks import whole

from .image_labels import ImageLabels


class ClassAwareSampler(Sampler[int]):
    """Draw a class, then one of its images: every class is drawn equally often (Shen et al., ECCV 2016, for cRT).

    Both are shuffled streams without an end: all classes once in random order, then again in another; and of each
    class all its images once, then again. So in n C draws, C the number of classes with an image, each class is drawn
    n times, and each image of a class floor or ceil(n / its images) times for that class.

    The k-th draw depends on `seed` and k alone. The ranks take turns at the one stream, and a loop that skips what it
    has already trained on goes on exactly. Memory is bounded by one order of the images of each class.

    Args:
        images: the classes of each image.
        seed: of every draw; the same on all ranks.
        rank: of this process; by default that of `torch.distributed`, where it is initialized.
        world_size: number of processes; by default likewise.

    Raises:
        ValueError: no image has a class.

    Example:
        >>> from itertools import islice
        >>> sampler = ClassAwareSampler(ImageLabels.flatten([[0], [0], [0], [0, 1], []]))
        >>> draws = list(islice(sampler, 16))  # image 3 for class 1, and two times for class 0
        >>> [draws.count(image) for image in range(5)]
        [2, 2, 2, 10, 0]
    """

    def __init__(
        self, images: ImageLabels, *, seed: int = 0, rank: int | None = None, world_size: int | None = None
    ) -> None:
        distributed = dist.is_available() and dist.is_initialized()
        self.seed = whole('seed', seed, 0)
        self.rank = rank if rank is not None else dist.get_rank() if distributed else 0
        self.world_size = world_size if world_size is not None else dist.get_world_size() if distributed else 1
        self._images, self._offsets = images.images_by_class()
        self._classes = np.flatnonzero(np.diff(self._offsets))
        self._num_images = len(images.offsets) - 1
        if not len(self._classes):
            raise ValueError(f'none of {self._num_images} images has a class; expected the classes of each image')

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the stream has no epochs. mmengine's loops call this."""

    def __iter__(self) -> Iterator[int]:
        num_classes = len(self._classes)
        class_pass, classes = -1, self._classes
        orders: dict[int, tuple[int, NDArray[np.int64]]] = {}
        for draw in count(self.rank, self.world_size):
            turn, position = divmod(draw, num_classes)
            if turn != class_pass:
                class_pass, classes = turn, self._shuffled(self._classes, 0, turn)
            label = int(classes[position])
            # a class is drawn once a turn, so its number of draws before this one is the turn
            image_pass, position = divmod(turn, int(self._offsets[label + 1] - self._offsets[label]))
            if label not in orders or orders[label][0] != image_pass:
                images = self._images[self._offsets[label] : self._offsets[label + 1]]
                orders[label] = image_pass, self._shuffled(images, 1 + label, image_pass)
            yield int(orders[label][1][position])

    def __len__(self) -> int:
        """Images of one rank: what loops that ask for an epoch take as its length."""
        return math.ceil(self._num_images / self.world_size)

    def _shuffled(self, items: NDArray[np.int64], stream: int, number: int) -> NDArray[np.int64]:
        """Return items in the order of a pass of a stream; 0 is that of the classes."""
        if len(items) == 1:
            return items
        return np.random.default_rng([self.seed, stream, number]).permutation(items)
