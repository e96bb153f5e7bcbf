"""How often an image is shown: repeat factors of classes and images, and rounding them to whole repeats."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from longtail_det.checks import probability

RESAMPLING_MODES = ('image', 'instance')


def class_repeat_factors(
    image_count: ArrayLike,
    num_images: int,
    *,
    oversample_thr: float = 1e-3,
    instance_count: ArrayLike | None = None,
    mode: str = 'image',
) -> NDArray[np.float64]:
    """Return the repeat factor of each class, max(1, sqrt(t / f)), by RFS or by IRFS.

    RFS (Gupta et al., LVIS, CVPR 2019) takes as f the share of the images that hold the class. IRFS (Yaman et al.,
    2023, arXiv:2305.08069) takes the geometric mean of that share and of the class's share of all instances.

    Args:
        image_count: (C,) images that hold the class.
        num_images: images of the dataset. RFS and mmengine's ClassBalancedDataset count every image that can be
            drawn, also those without an annotation.
        oversample_thr: t in [0, 1]; classes with f >= t are not repeated.
        instance_count: (C,) instances of the class, for `mode='instance'` alone. The share is that of the
            instances of all C classes together, not of the images.
        mode: 'image' for RFS, 'instance' for IRFS.

    Returns:
        (C,) factors >= 1; 1 for a class without an image.

    Raises:
        ValueError: unknown `mode`, `oversample_thr` outside [0, 1], or `instance_count` missing or not asked for.

    Example:
        >>> class_repeat_factors([1, 16, 0], 1600, oversample_thr=1e-2).tolist()
        [4.0, 1.0, 1.0]
    """
    if mode not in RESAMPLING_MODES:
        raise ValueError(f"mode is {mode!r}, expected 'image' (RFS) or 'instance' (IRFS)")
    probability('oversample_thr', oversample_thr)
    if (instance_count is not None) != (mode == 'instance'):
        found = 'without' if instance_count is None else 'with'
        raise ValueError(f"mode={mode!r} {found} instance_count; give it for mode='instance' and only for that")
    frequency = np.asarray(image_count) / max(num_images, 1)
    if instance_count is not None:
        instances = np.asarray(instance_count)
        frequency = np.sqrt(frequency * (instances / max(instances.sum(), 1)))
    factors = np.ones_like(frequency)
    seen = frequency > 0
    factors[seen] = np.maximum(1.0, np.sqrt(oversample_thr / frequency[seen]))
    return factors


def image_repeat_factors(
    labels: NDArray[np.integer], offsets: NDArray[np.integer], class_factors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each image the largest factor of its classes.

    Args:
        labels: (A,) class labels of all images, image after image, in [0, C).
        offsets: (I + 1,) image i holds the labels from `offsets[i]` up to `offsets[i + 1]`.
        class_factors: (C,) factors >= 1.

    Returns:
        (I,) factors; 1 for an image without labels.

    Example:
        >>> image_repeat_factors(np.array([0, 1, 1]), np.array([0, 2, 2, 3]), np.array([4.0, 1.5])).tolist()
        [4.0, 1.0, 1.5]
    """
    factors = np.ones(len(offsets) - 1)
    filled = np.diff(offsets) > 0
    if filled.any():
        # without the empty images one segment ends where the next one starts, which is all that reduceat knows
        factors[filled] = np.maximum.reduceat(class_factors[labels], offsets[:-1][filled])
    return factors


def draw_repeats(
    factors: NDArray[np.float64], generator: np.random.Generator, *, fixed_total: bool = False
) -> NDArray[np.int64]:
    """Return repeat factors rounded to whole numbers at random, up or down, such that the mean is the factor.

    Args:
        factors: (I,) factors >= 0.
        generator: source of randomness.
        fixed_total: whether the total stays the same from draw to draw, up to the rounding of `factors.sum()`:
            systematic sampling over images in random order. Otherwise each image is rounded by itself.

    Returns:
        (I,) repeats, each `floor(factor)` or `ceil(factor)`.

    Example:
        >>> draw_repeats(np.array([1.0, 0.5, 0.5]), np.random.default_rng(0), fixed_total=True).sum().item()
        2
    """
    if not fixed_total:
        return np.floor(factors + generator.random(len(factors))).astype(np.int64)
    order = generator.permutation(len(factors))
    ends = np.floor(np.cumsum(factors[order]) + generator.random())
    repeats = np.empty(len(factors), dtype=np.int64)
    repeats[order] = np.diff(ends, prepend=0.0)
    return repeats


def resampled_count(
    labels: NDArray[np.integer], offsets: NDArray[np.integer], repeats: NDArray[np.number], num_classes: int
) -> NDArray[np.float64]:
    """Return the counts of the labels of an epoch in which each image is shown several times.

    Args:
        labels: (A,) class labels of all images, image after image, in [0, C). Each class once an image gives the
            images that hold a class, a label per instance gives its instances.
        offsets: (I + 1,) image i holds the labels from `offsets[i]` up to `offsets[i + 1]`.
        repeats: (I,) how often each image is shown; factors give the expected counts.
        num_classes: C.

    Returns:
        (C,) counts.

    Example:
        >>> resampled_count(np.array([0, 1, 1]), np.array([0, 2, 3]), np.array([4, 1]), 3).tolist()
        [4.0, 5.0, 0.0]
    """
    shown = np.repeat(repeats, np.diff(offsets))
    return np.asarray(np.bincount(labels, weights=shown, minlength=num_classes), dtype=np.float64)
