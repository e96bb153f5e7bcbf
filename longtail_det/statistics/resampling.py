"""What an epoch shows of each class when images are repeated (RFS, IRFS), for any threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .class_statistics import ClassStatistics
from .pairs import unique_pairs
from .repeat_factors import class_repeat_factors, image_repeat_factors, resampled_count


@dataclass(frozen=True)
class Epoch:
    """The content of an epoch.

    Args:
        images: (C,) float64 images that show the class.
        instances: (C,) float64 instances of the class.
        length: images of the epoch.
    """

    images: NDArray[np.float64]
    instances: NDArray[np.float64]
    length: float


class Resampling:
    """The repeats of the images of a training set, and what they come to.

    Args:
        labels: (A,) class labels of the instances of all images, image after image, in [0, C).
        offsets: (I + 1,) image i holds the labels from `offsets[i]` up to `offsets[i + 1]`.
        statistics: of the same instances.

    Example:
        >>> stats = ClassStatistics([4, 1], [5, 1], num_images=4)
        >>> resampling = Resampling(np.array([0, 0, 0, 0, 0, 1]), np.array([0, 2, 3, 4, 6]), stats)
        >>> resampling.epoch(resampling.image_factors(1.0)).images.tolist()
        [5.0, 2.0]
    """

    def __init__(self, labels: NDArray[np.integer], offsets: NDArray[np.integer], statistics: ClassStatistics) -> None:
        self.statistics = statistics
        self.num_images = len(offsets) - 1
        self._labels, self._offsets = labels, offsets
        images, self._once = unique_pairs(np.repeat(np.arange(self.num_images), np.diff(offsets)), labels)
        self._once_offsets = np.searchsorted(images, np.arange(self.num_images + 1))

    def class_factors(self, oversample_thr: float, mode: str = 'image') -> NDArray[np.float64]:
        """Return the (C,) repeat factors of the classes.

        Args:
            oversample_thr: t in [0, 1].
            mode: 'image' for RFS, 'instance' for IRFS.
        """
        instance_count = self.statistics.instance_count if mode == 'instance' else None
        return class_repeat_factors(
            self.statistics.image_count,
            self.num_images,
            oversample_thr=oversample_thr,
            instance_count=instance_count,
            mode=mode,
        )

    def image_factors(self, oversample_thr: float, mode: str = 'image') -> NDArray[np.float64]:
        """Return the (I,) repeat factors of the images, before rounding; their sum is the expected length of an epoch.

        Args:
            oversample_thr: t in [0, 1].
            mode: 'image' for RFS, 'instance' for IRFS.
        """
        return image_repeat_factors(self._once, self._once_offsets, self.class_factors(oversample_thr, mode))

    def epoch(self, repeats: NDArray[np.number]) -> Epoch:
        """Return what an epoch shows.

        Args:
            repeats: (I,) how often each image is shown; factors give the expected counts.
        """
        num_classes = self.statistics.num_classes
        return Epoch(
            images=resampled_count(self._once, self._once_offsets, repeats, num_classes),
            instances=resampled_count(self._labels, self._offsets, repeats, num_classes),
            length=float(repeats.sum()),
        )


def gini(counts: ArrayLike) -> float:
    """Return the Gini coefficient of some counts: 0 where all are equal, close to 1 where one has everything.

    Half the mean absolute difference of two of them, divided by their mean (Gini, 1912).

    Args:
        counts: (n,) numbers >= 0.

    Returns:
        In [0, 1); NaN where there is nothing.

    Example:
        >>> gini([5, 5, 5]), gini([0, 0, 0, 8])
        (0.0, 0.75)
    """
    values = np.sort(np.asarray(counts, dtype=np.float64))
    total, n = values.sum(), len(values)
    if not total:
        return float('nan')
    return float((2 * np.arange(1, n + 1) - n - 1) @ values / (n * total))
