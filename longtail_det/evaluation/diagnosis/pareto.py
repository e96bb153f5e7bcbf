"""The Pareto front of several runs over two numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Find the points that no other one reaches in both coordinates.

    Args:
        points: n pairs, more is better in both; a pair with NaN is on no front.

    Returns:
        Indices, ascending in the first coordinate; of equal points the first.

    Example:
        >>> pareto_front([(0.1, 0.9), (0.5, 0.5), (0.4, 0.4), (0.9, 0.1)])
        [0, 1, 3]
    """
    defined = [i for i, point in enumerate(points) if np.isfinite(point).all()]
    front, best = [], -np.inf
    for i in sorted(defined, key=lambda i: (-points[i][0], -points[i][1], i)):
        if points[i][1] > best:
            front.append(i)
            best = points[i][1]
    return front[::-1]
