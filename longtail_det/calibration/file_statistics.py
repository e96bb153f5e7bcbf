"""The part of the class statistics that only a whole annotation file knows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import ClassStatistics


def require_file_statistics(stats: ClassStatistics, method: str) -> tuple[int, NDArray[np.float64]]:
    """Return the number of all images and the fractal dimension of each class.

    Args:
        stats: of the training set.
        method: who asks, for the error.

    Raises:
        ValueError: the statistics were not counted in an annotation file.
    """
    if stats.total_images is None or stats.fractal_dim is None:
        raise ValueError(
            f'{method} needs the number of all images and the spread of each class, and these class statistics have no '
            'total_images and fractal_dim; give the path of the training annotations, or of the json that '
            'tools/data/class_statistics.py writes from them now'
        )
    return stats.total_images, stats.fractal_dim
