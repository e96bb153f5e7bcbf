"""Thresholds that fit a training set: `oversample_thr` of RFS and IRFS, `lambda_` of EQL and DropLoss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .class_statistics import ClassStatistics
from .frequency import COMMON_MAX_IMAGES, RARE_MAX_IMAGES
from .resampling import Resampling

#: by which share of its images an epoch may grow
MAX_GROWTH = 0.5
_LVIS_SHARE = 1e-3  # RFS of LVIS: 100 of its 100 000 images
_BISECTIONS = 50


@dataclass(frozen=True)
class Suggestion:
    """A threshold and the rule behind it.

    Args:
        value: the threshold; None where the training set needs none.
        reason: the rule in one line, and where it led.
        classes: (n,) int64, the classes that it takes.
    """

    value: float | None
    reason: str
    classes: NDArray[np.int64]


def tail_max_images(num_images: int) -> int:
    """Return on how many images a class of the tail is at most: 100 as in LVIS, or its share 1e-3 where that is more.

    Args:
        num_images: annotated training images.

    Example:
        >>> tail_max_images(3000), tail_max_images(1_700_000)
        (100, 1700)
    """
    return max(COMMON_MAX_IMAGES, math.floor(_LVIS_SHARE * num_images))


def tail_ratio(statistics: ClassStatistics, lambda_: float) -> float:
    """Return which share of all (image, class) labels belongs to classes of f < lambda_ (TR of EQL, arXiv:2003.05176).

    Args:
        statistics: of the training set.
        lambda_: share of the annotated images in [0, 1].

    Example:
        >>> tail_ratio(ClassStatistics([90, 10], [90, 10], num_images=100), 0.2)
        0.1
    """
    counts = statistics.image_count
    return float(counts[statistics.image_frequency < lambda_].sum() / max(counts.sum(), 1))


def suggest_oversample_thr(resampling: Resampling, max_growth: float = MAX_GROWTH) -> Suggestion:
    """Return the threshold of RFS that repeats the tail and no other class, as far as the epoch may grow.

    Args:
        resampling: of the training set.
        max_growth: by which share of its images an epoch may grow.

    Returns:
        The threshold; None where it repeats no class.
    """
    n = max(resampling.num_images, 1)
    most = tail_max_images(n)
    border = min(shortest_decimal(most / n, (most + 1) / n), 1.0)
    value = _largest(resampling, 'image', border, n * (1 + max_growth))
    reason = f'repeats the classes on at most {most} of the {n} images, and no other'
    otherwise = f'no class is on at most {most} of the {n} images'
    if value < border:
        reason = f'the largest whose epoch is at most {100 * max_growth:g} % longer'
        otherwise = f'repeating a class makes an epoch more than {100 * max_growth:g} % longer'
    return _suggestion(resampling, 'image', value, reason, otherwise)


def suggest_instance_thr(resampling: Resampling, image_thr: float | None) -> Suggestion:
    """Return the threshold of IRFS whose epoch is as long as that of RFS, so that the two can be compared.

    Args:
        resampling: of the training set.
        image_thr: the threshold of RFS.

    Returns:
        The threshold; None where there is none for RFS.
    """
    if image_thr is None:
        return Suggestion(None, 'as RFS', np.empty(0, dtype=np.int64))
    value = _largest(resampling, 'instance', 1.0, float(resampling.image_factors(image_thr).sum()))
    return _suggestion(resampling, 'instance', value, 'its epoch is as long as that of RFS', 'it repeats no class')


def suggest_lambda(statistics: ClassStatistics) -> Suggestion:
    """Return the `lambda_` of EQL and DropLoss that takes the tail, as their 1.77e-3 for LVIS v0.5 does.

    A tail of all classes would mute every negative that another class's object makes; then the rare classes alone are
    taken.

    Args:
        statistics: of the training set.

    Returns:
        The threshold, the shortest decimal that takes these classes; None where there is no tail, or nothing else.
    """
    n = max(statistics.num_images, 1)
    counts = statistics.image_count
    for most in (tail_max_images(n), RARE_MAX_IMAGES):
        is_tail = counts <= most
        if (counts[is_tail] > 0).any() and not is_tail.all():
            value = shortest_decimal(most / n, (most + 1) / n)
            held = 100 * tail_ratio(statistics, value)
            what = f'takes the classes on at most {most} of the {n} images'
            return Suggestion(value, f'{what}; they hold {held:.1f} % of the image labels', np.flatnonzero(is_tail))
    which = 'every' if (counts <= tail_max_images(n)).all() else 'no'
    reason = (
        f'{which} class with an image is on at most {tail_max_images(n)} of the {n}, so no tail differs from a head'
    )
    return Suggestion(None, reason, np.empty(0, dtype=np.int64))


def shortest_decimal(low: float, high: float) -> float:
    """Return the number of the fewest decimal digits in (low, high], of several the largest.

    Args:
        low: at least 0.
        high: above `low`.

    Example:
        >>> shortest_decimal(100 / 3000, 101 / 3000)
        0.0336
    """
    for digits in range(1, 17):
        value = _round_down(high, digits)
        if low < value:
            return value
    return high


def _largest(resampling: Resampling, mode: str, most: float, length: float) -> float:
    """Return the largest threshold up to `most` whose epoch has at most `length` images, rounded down to two digits.

    An epoch is the longer, the larger the threshold.
    """
    low, high = 0.0, most
    if resampling.image_factors(high, mode).sum() <= length:
        return high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if resampling.image_factors(middle, mode).sum() <= length:
            low = middle
        else:
            high = middle
    return _round_down(low, 2)


def _suggestion(resampling: Resampling, mode: str, value: float, reason: str, otherwise: str) -> Suggestion:
    classes = np.flatnonzero(resampling.class_factors(value, mode) > 1)
    return Suggestion(value, reason, classes) if len(classes) else Suggestion(None, otherwise, classes)


def _round_down(value: float, digits: int) -> float:
    """Return a positive number with so many significant digits, as Python writes it."""
    if value <= 0:
        return 0.0
    exponent = math.floor(math.log10(value)) - digits + 1
    # 1e-9: what is a round number but for the rounding of the division stays itself
    steps = math.floor(value / 10.0**exponent * (1 + 1e-9))
    rounded = float(f'{steps}e{exponent}')
    return rounded if rounded <= value else value
