"""Frequency groups of LVIS; the only place that knows the numbers 10 and 100."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

RARE_MAX_IMAGES = 10
COMMON_MAX_IMAGES = 100
FREQUENCY_GROUPS = {'r': 'rare', 'c': 'common', 'f': 'frequent'}


def frequency_group(image_count: ArrayLike) -> NDArray[np.str_]:
    """Return the frequency group of each class from its number of training images (LVIS, arXiv:1908.03195).

    Args:
        image_count: (C,) training images per class, >= 0.

    Returns:
        (C,) of 'r' (at most 10 images, none included), 'c' (11 to 100) or 'f' (more than 100).

    Example:
        >>> frequency_group([0, 10, 11, 100, 101]).tolist()
        ['r', 'r', 'c', 'c', 'f']
    """
    count = np.asarray(image_count)
    return np.where(count <= RARE_MAX_IMAGES, 'r', np.where(count <= COMMON_MAX_IMAGES, 'c', 'f'))


def group_indices(image_count: ArrayLike) -> dict[str, NDArray[np.int64]]:
    """Return the class indices of the three groups.

    Args:
        image_count: (C,) training images per class.

    Returns:
        `{'r': indices, 'c': indices, 'f': indices}`, each ascending, possibly empty.

    Example:
        >>> {k: v.tolist() for k, v in group_indices([5, 500, 50]).items()}
        {'r': [0], 'c': [2], 'f': [1]}
    """
    group = frequency_group(image_count)
    return {key: np.flatnonzero(group == key) for key in FREQUENCY_GROUPS}
