"""One row per class: training images, objects to find, AP of each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import FREQUENCY_GROUPS


@dataclass(frozen=True, eq=False)
class ClassTable:
    """The classes of a dataset, C of them, and how well each is detected.

    Args:
        category_ids: (C,) int64.
        names: C class names.
        groups: (C,) 'r', 'c' or 'f'.
        train_images: (C,) int64 training images that hold the class.
        num_objects: (C,) int64 objects to find on the tested images.
        ap: run -> metric -> (C,) AP in [0, 1], NaN where there is nothing to find.
    """

    category_ids: NDArray[np.int64]
    names: tuple[str, ...]
    groups: NDArray[np.str_]
    train_images: NDArray[np.int64]
    num_objects: NDArray[np.int64]
    ap: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def ranked(self, run: str, metric: str, group: str = 'r') -> NDArray[np.int64]:
        """Return the classes of a group that have an AP, worst first; of equal ones the more frequent first.

        Args:
            run: a key of `ap`.
            metric: a key of `ap[run]`.
            group: 'r', 'c' or 'f'.
        """
        ap = self.ap[run][metric]
        rows = np.flatnonzero((self.groups == group) & np.isfinite(ap))
        return rows[np.lexsort((-self.train_images[rows], ap[rows]))]

    def group_medians(self, run: str, metric: str) -> dict[str, tuple[float, float]]:
        """Median of training images and of AP over the classes of each group that have an AP.

        Args:
            run: a key of `ap`.
            metric: a key of `ap[run]`.

        Returns:
            group -> (images, AP in [0, 1]); groups without a class are left out.
        """
        rows = {group: self.ranked(run, metric, group) for group in FREQUENCY_GROUPS}
        ap = self.ap[run][metric]
        return {g: (float(np.median(self.train_images[r])), float(np.median(ap[r]))) for g, r in rows.items() if len(r)}

    def difference(self, run: str, base: str, metric: str) -> NDArray[np.float64]:
        """AP of `run` minus AP of `base`, per class; NaN where either has none.

        Args:
            run: a key of `ap`.
            base: a key of `ap`.
            metric: a key of both.
        """
        return self.ap[run][metric] - self.ap[base][metric]


def class_ap(results: Mapping[str, float], names: tuple[str, ...]) -> NDArray[np.float64]:
    """Select the AP of each class from the results of a metric.

    Args:
        results: with the keys `AP/<name>`, as `classwise=True` gives them.
        names: C class names.

    Returns:
        (C,) AP in [0, 1]; NaN where there is nothing to find.

    Example:
        >>> class_ap({'AP': 0.5, 'AP/ant': 0.5, 'AP/bee': -1.0}, ('ant', 'bee')).tolist()
        [0.5, nan]
    """
    values = np.array([results[f'AP/{name}'] for name in names], dtype=np.float64)
    return np.where(values < 0, np.nan, values)


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the mean over the classes that are defined.

    Args:
        values: (..., C) one value a class; NaN where it has none.

    Returns:
        (...) means; NaN where no class is defined.

    Example:
        >>> mean_of_defined(np.array([[0.5, np.nan, 1.0], [np.nan, np.nan, np.nan]])).tolist()
        [0.75, nan]
    """
    defined = np.isfinite(values)
    count = defined.sum(axis=-1)
    return np.where(count > 0, np.where(defined, values, 0).sum(axis=-1) / np.maximum(count, 1), np.nan)
