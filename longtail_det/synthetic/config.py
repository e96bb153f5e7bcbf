"""Settings of a LongTailGlyphs dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from longtail_det.checks import number, whole

from .characters import MAX_CLASSES

#: the least and the largest value of each number that no other one bounds
_RANGES: Mapping[str, tuple[float, float]] = {
    'num_classes': (1, MAX_CLASSES),
    'num_train': (1, 10_000_000),
    'num_val': (1, 10_000_000),
    'image_size': (64, 4096),
    'val_instances': (1, 100_000),
    'repeats': (1, 1000),
    'negative_share': (0, 1),
    'seed': (0, 2**63 - 1),
    'count_divisor': (1, 10_000),
}
# Glyphs shrink where an image is full; on squares of this many pixels they can still be drawn.
_MIN_CELL = 16


@dataclass(frozen=True)
class GlyphsConfig:
    """Sizes and shape of a LongTailGlyphs dataset.

    Args:
        num_classes: 1 to 1203.
        num_train: training images.
        num_val: validation images.
        image_size: width and height of every image in pixels, 64 to 4096.
        zipf_exponent: how fast the image counts fall with the rank of a class, above 0; about 6 for LVIS v1.
        head_share: share of the training images that holds the most frequent class, in (0, 1].
        rare_share: share of the classes that is rare (at most 10 training images), in [0, 1).
        repeats: mean number of instances of a class on an image that holds it, at least 1.
        max_instances: most instances on one image, 1 to (image_size // 16) ** 2.
        val_instances: instances of each class in the validation set.
        negative_share: share of an image's absent classes that is listed in `neg_category_ids`, in [0, 1].
        seed: everything random follows from it.
        count_divisor: image counts and frequency groups are those of a training set so many times as large; then the
            counts are divided by it, and a class keeps at least one image. At least 1.

    Raises:
        ValueError: a number is out of its range.

    Example:
        >>> GlyphsConfig(num_classes=5000)
        Traceback (most recent call last):
        ...
        ValueError: num_classes=5000; expected a whole number, at least 1 and at most 1203
    """

    num_classes: int = 80
    num_train: int = 3000
    num_val: int = 400
    image_size: int = 128
    zipf_exponent: float = 4.0
    head_share: float = 0.3
    rare_share: float = 1 / 3
    repeats: float = 1.3
    max_instances: int = 8
    val_instances: int = 16
    negative_share: float = 0.3
    seed: int = 0
    count_divisor: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            check = whole if isinstance(field.default, int) else number
            check(field.name, getattr(self, field.name), *_RANGES.get(field.name, ()))
        most = (self.image_size // _MIN_CELL) ** 2
        _require(
            'max_instances', self.max_instances, 1 <= self.max_instances <= most, f'1 to {most} at this image_size'
        )
        _require('zipf_exponent', self.zipf_exponent, 0 < self.zipf_exponent <= 100, 'above 0 and at most 100')
        _require('head_share', self.head_share, 0 < self.head_share <= 1, 'above 0 and at most 1')
        _require('rare_share', self.rare_share, 0 <= self.rare_share < 1, 'at least 0 and below 1')

    def settings(self) -> dict[str, Any]:
        """Return all numbers by name, a `count_divisor` of 1 left out: files made before it was there are the same."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ('count_divisor', 1)}


def _require(name: str, value: float, holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(f'{name}={value}; expected {expected}')


# The classes, images, frequency groups and about the instances of LVIS v1, validation balanced. The count of each class
# is not LVIS's own: a curve goes through what is published of them, 337 rare, 461 common and 405 frequent classes
# (here 337, 467, 399) and 1 270 141 instances (1 269 436).
_LVIS = GlyphsConfig(
    num_classes=1203,
    num_train=100_170,
    num_val=19_809,
    image_size=256,
    zipf_exponent=6.0,
    head_share=0.0195,
    rare_share=337 / 1203,
    repeats=5.22,
    max_instances=40,
    val_instances=203,
    negative_share=0.01,
)

PRESETS: Mapping[str, GlyphsConfig] = MappingProxyType(
    {
        'tiny': GlyphsConfig(num_classes=12, num_train=160, num_val=40, head_share=0.9, repeats=1.1, val_instances=10),
        'default': GlyphsConfig(),
        'lvis': replace(_LVIS, num_train=5009, num_val=990, val_instances=10, count_divisor=20),
        'lvis-full': _LVIS,
    }
)
"""Ready-made sizes: `tiny` for tests, `default` for the quickstart, `lvis` for a twentieth of LVIS v1, `lvis-full` for
its size."""
