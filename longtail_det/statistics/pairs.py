"""Pairs of an image and a class, each once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unique_pairs(
    images: NDArray[np.integer], labels: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the pairs of an image and a label, each once and sorted.

    Args:
        images: (A,) numbers >= 0.
        labels: (A,) class labels >= 0.

    Returns:
        (P,) images, ascending, and (P,) labels, ascending within an image.

    Example:
        >>> images, labels = unique_pairs(np.array([1, 0, 1]), np.array([3, 2, 3]))
        >>> images.tolist(), labels.tolist()
        ([0, 1], [2, 3])
    """
    span = int(labels.max(initial=0)) + 1
    # not np.unique: it hashes in numpy 2.3 and later, ten times slower than this sort
    keys = np.sort(images * span + labels)
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return (keys // span).astype(np.int64), (keys % span).astype(np.int32)
