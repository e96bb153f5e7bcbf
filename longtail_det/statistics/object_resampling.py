"""Object-level resampling by replayed features (RIO, Chang et al., ICML 2021): which classes, and how often."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .frequency import RARE_MAX_IMAGES

REPLAY_MAX_IMAGES = 30


def replay_classes(image_count: ArrayLike, max_images: int = REPLAY_MAX_IMAGES) -> NDArray[np.int64]:
    """Return the classes whose features are replayed: all rare ones, and common ones of few images.

    The default is the rule of the paper (arXiv:2104.05702): 553 classes of LVIS v1, 706 of v0.5.

    Args:
        image_count: (C,) training images that hold the class.
        max_images: most images of a class that is replayed; below 10 it is 10, as the rare ones always are.

    Returns:
        Class indices, ascending.

    Example:
        >>> replay_classes([5, 30, 31, 500]).tolist()
        [0, 1]
    """
    return np.flatnonzero(np.asarray(image_count) <= max(max_images, RARE_MAX_IMAGES))


def expected_replays(
    image_count: ArrayLike, epoch_length: float, *, replay: int, images_per_step: int = 1
) -> NDArray[np.float64]:
    """Compute the expected number of stored features of each class that an epoch replays.

    A step on which the class is seen replays `replay` features. Images are taken to be drawn independently, so a step
    sees the class with probability 1 - (1 - image_count / epoch_length) ^ images_per_step. The bank is taken to hold
    `replay` features, as it does once the class has been seen a few times.

    Args:
        image_count: (C,) images of an epoch that hold the class, repeats included.
        epoch_length: images of an epoch, repeats included, > 0.
        replay: features replayed at a time.
        images_per_step: images that one process sees in a step; the banks are per process.

    Returns:
        (C,) features per epoch, summed over all processes.

    Example:
        >>> expected_replays([3, 0], 100, replay=20).round(6).tolist()
        [60.0, 0.0]
    """
    seen = 1 - (1 - np.asarray(image_count) / epoch_length) ** images_per_step
    return replay * epoch_length / images_per_step * seen
