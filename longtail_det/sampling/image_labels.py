"""The classes of every image of a dataset, in flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from longtail_det.statistics import class_repeat_factors, image_repeat_factors


@dataclass(frozen=True)
class ImageLabels:
    """The classes of the images of a dataset, image after image.

    Args:
        labels: (A,) int64, each class of an image once, in [0, C).
        offsets: (I + 1,) int64, image i holds the labels from `offsets[i]` up to `offsets[i + 1]`.
        num_classes: C.
        instance_count: (C,) int64 instances per class; None where nobody asked for them.
    """

    labels: NDArray[np.int64]
    offsets: NDArray[np.int64]
    num_classes: int
    instance_count: NDArray[np.int64] | None = None

    @classmethod
    def flatten(
        cls, per_image: Sequence[ArrayLike], *, num_classes: int = 0, instance_count: ArrayLike | None = None
    ) -> ImageLabels:
        """Return the labels of `per_image`, the classes of each image, each once.

        C is `num_classes`, or more where a label or `instance_count` says so.
        """
        lists = [np.asarray(each, dtype=np.int64) for each in per_image]
        labels = np.concatenate([np.empty(0, dtype=np.int64), *lists])
        counts = None if instance_count is None else np.asarray(instance_count)
        num_classes = max(num_classes, int(labels.max(initial=-1)) + 1, 0 if counts is None else len(counts))
        return cls(
            labels=labels,
            offsets=np.concatenate([[0], np.cumsum([len(each) for each in lists], dtype=np.int64)]),
            num_classes=num_classes,
            instance_count=None if counts is None else np.pad(counts, (0, num_classes - len(counts))),
        )

    @property
    def image_count(self) -> NDArray[np.int64]:
        """Number of images that hold each class, (C,)."""
        return np.bincount(self.labels, minlength=self.num_classes)

    def images_by_class(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the images of every class, class after class.

        Returns:
            (A,) image indices, ascending within a class, and (C + 1,) offsets: class c holds those from `offsets[c]`
            up to `offsets[c + 1]`.

        Example:
            >>> images, offsets = ImageLabels.flatten([[1], [], [0, 1]]).images_by_class()
            >>> images.tolist(), offsets.tolist()
            ([2, 0, 2], [0, 1, 3])
        """
        image_of_label = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        offsets = np.concatenate([[0], np.cumsum(self.image_count)])
        return image_of_label[np.argsort(self.labels, kind='stable')], offsets

    def class_factors(self, oversample_thr: float, mode: str) -> NDArray[np.float64]:
        """Return (C,) repeat factors of the classes, as `class_repeat_factors` takes its options."""
        return class_repeat_factors(
            self.image_count,
            len(self.offsets) - 1,
            oversample_thr=oversample_thr,
            instance_count=self.instance_count,
            mode=mode,
        )


def repeat_factors(
    labels_per_image: Sequence[ArrayLike], *, oversample_thr: float = 1e-3, mode: str = 'image'
) -> NDArray[np.float64]:
    """Compute how often to show each image of any dataset: as often as its rarest class asks for (RFS, IRFS).

    Args:
        labels_per_image: the class of every object of each image, in [0, C).
        oversample_thr: t in [0, 1]; classes on a smaller share of the images are repeated (1e-3 for LVIS).
        mode: 'image' for RFS (Gupta et al., CVPR 2019), 'instance' for IRFS (Yaman et al., 2023).

    Returns:
        (I,) factors >= 1, before rounding.

    Raises:
        ValueError: an option has an unknown value.

    Example:
        >>> repeat_factors([[0], [0, 0], [0], [0, 1]], oversample_thr=1.0).tolist()
        [1.0, 1.0, 1.0, 2.0]
    """
    objects = [np.asarray(labels, dtype=np.int64) for labels in labels_per_image]
    counts = np.bincount(np.concatenate(objects)) if mode == 'instance' and objects else None
    images = ImageLabels.flatten([np.unique(labels) for labels in objects], instance_count=counts)
    return image_repeat_factors(images.labels, images.offsets, images.class_factors(oversample_thr, mode))
