"""Which classes go on which image: exact image counts with a long tail in training, balanced counts in validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import RARE_MAX_IMAGES, ClassStatistics, frequency_group

from .config import GlyphsConfig

# Some images are fuller than others: by up to this many classes, and by a draw for each class that mixes them.
_LOAD_SPREAD = 4.0
# One entry per image: the class index of every instance on it.
Plan = list[NDArray[np.int64]]


def zipf_image_counts(config: GlyphsConfig) -> NDArray[np.int64]:
    """Return the number of training images for each rank of a class, by the Zipf-Mandelbrot law a / (rank + q) ** s.

    s is `zipf_exponent`; a and q follow from the two ends that one wants to set: rank 1 is on `head_share` of the
    images, and the last `rare_share` of the ranks are rare. With a `count_divisor` the counts are those before the
    division.

    Returns:
        (C,) falling image counts, each at least 1.

    Raises:
        ValueError: the most frequent class would be rare.

    Example:
        >>> zipf_image_counts(GlyphsConfig(num_classes=6, num_train=1000)).tolist()
        [300, 84, 32, 15, 8, 4]
    """
    head = round(config.head_share * config.num_train * config.count_divisor)
    border = RARE_MAX_IMAGES + 0.5
    if head < border:
        raise ValueError(
            f'head_share {config.head_share:g} of num_train {config.num_train} puts the most frequent class on {head} '
            f'images; a class that is not rare needs at least {RARE_MAX_IMAGES + 1}: raise num_train or head_share'
        )
    first_rare = max(round(config.num_classes * (1 - config.rare_share)), 1) + 0.5
    fall = (head / border) ** (1 / config.zipf_exponent)
    shift = (first_rare - fall) / (fall - 1)
    rank = np.arange(1, config.num_classes + 1)
    counts = border * ((first_rare + shift) / (rank + shift)) ** config.zipf_exponent
    return np.maximum(np.floor(counts + 0.5), 1).astype(np.int64)


def plan_training(config: GlyphsConfig) -> Plan:
    """Return the classes of each training image; which class is frequent is drawn by lot.

    The image counts are exactly those of `zipf_image_counts`, divided by `count_divisor` and at least 1. Images without
    an instance are left only where there are fewer (image, class) combinations than images.

    Raises:
        ValueError: the counts fill more than half of the `max_instances` places of the images.
    """
    rng, full_count = _draw_class_counts(config)
    image_count = np.maximum(np.floor(full_count / config.count_divisor + 0.5), 1).astype(np.int64)
    instance_count = np.floor(image_count * config.repeats + 0.5).astype(np.int64)
    places = _places(instance_count, config.num_train)
    if places > config.max_instances:
        raise ValueError(
            f'{instance_count.sum()} instances of {config.num_classes} classes on num_train {config.num_train} images '
            f'need max_instances {places} or more, twice the mean; it is {config.max_instances}: raise it, or lower '
            f'head_share ({config.head_share:g}) or repeats ({config.repeats:g})'
        )
    return _spread(image_count, instance_count, config.num_train, config.max_instances, rng)


def class_frequency(config: GlyphsConfig) -> NDArray[np.str_]:
    """Return the frequency group of each class, (C,) of 'r', 'c' or 'f', by its image count before the division."""
    return frequency_group(_draw_class_counts(config)[1])


def _draw_class_counts(config: GlyphsConfig) -> tuple[np.random.Generator, NDArray[np.int64]]:
    """Return the source of the further draws of the training set, and the undivided image count of each class."""
    rng = np.random.default_rng([config.seed, 0, 0])
    return rng, rng.permutation(zipf_image_counts(config))


def plan_validation(config: GlyphsConfig) -> Plan:
    """Return the classes of each validation image: `val_instances` instances of each class.

    Raises:
        ValueError: the validation set is too small for that many.
    """
    rng = np.random.default_rng([config.seed, 1, 0])
    instance_count = np.full(config.num_classes, config.val_instances)
    image_count = np.maximum(np.floor(instance_count / config.repeats + 0.5), 1).astype(np.int64)
    needed = max(_places(instance_count, config.max_instances), int(image_count.max()))
    if config.num_val < needed:
        raise ValueError(
            f'num_val is {config.num_val}; {config.val_instances} instances of each of {config.num_classes} classes '
            f'need at least {needed} images, where on average half of the {config.max_instances} places are taken: '
            'raise num_val or lower val_instances'
        )
    return _spread(image_count, instance_count, config.num_val, config.max_instances, rng)


def plan_statistics(plan: Plan, num_classes: int) -> ClassStatistics:
    """Return the images and instances of each class of a plan."""
    classes = np.concatenate(plan)
    image_count = np.bincount(np.concatenate([np.unique(on_image) for on_image in plan]), minlength=num_classes)
    instance_count = np.bincount(classes, minlength=num_classes)
    return ClassStatistics(image_count, instance_count, sum(len(on_image) > 0 for on_image in plan))


def _places(instance_count: NDArray[np.int64], groups: int) -> int:
    """Return the least size of so many groups of places that leaves half of the places free.

    With that much room `_spread` finds enough images for every class, in whatever way it fills them.
    """
    return -(-2 * int(instance_count.sum()) // groups)


def _spread(
    image_count: NDArray[np.int64],
    instance_count: NDArray[np.int64],
    num_images: int,
    max_instances: int,
    rng: np.random.Generator,
) -> Plan:
    """Return the classes of each image: c on `image_count[c]` images, `instance_count[c]` times in all, at random."""
    loads = np.zeros(num_images, dtype=np.int64)
    handicap = rng.uniform(0, _LOAD_SPREAD, num_images)
    holders: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)] * len(image_count)
    for c in np.argsort(-image_count, kind='stable'):
        key = np.where(loads < max_instances, loads + handicap + rng.uniform(0, _LOAD_SPREAD, num_images), np.inf)
        # in which order the chosen ones come is up to the processor: sort
        holders[c] = np.sort(np.argpartition(key, image_count[c] - 1)[: image_count[c]])
        loads[holders[c]] += 1
    _fill_empty_images(holders, loads, rng)
    for c in np.argsort(image_count, kind='stable'):
        free = np.repeat(holders[c], max_instances - loads[holders[c]])
        extra = rng.permutation(free)[: instance_count[c] - image_count[c]]
        np.add.at(loads, extra, 1)
        holders[c] = np.concatenate([holders[c], extra])
    classes = np.repeat(np.arange(len(holders)), [len(h) for h in holders])
    images = np.concatenate(holders)
    order = np.lexsort((classes, images))
    return np.split(classes[order], np.cumsum(np.bincount(images, minlength=num_images))[:-1])


def _fill_empty_images(holders: list[NDArray[np.int64]], loads: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Move one class from a shared image to each empty image, most frequent classes first, as far as they go."""
    empty = list(rng.permutation(np.flatnonzero(loads == 0)))
    for c in sorted(range(len(holders)), key=lambda c: -len(holders[c])):
        for k in range(len(holders[c])):
            if not empty:
                return
            if loads[holders[c][k]] > 1:
                target = empty.pop()
                loads[holders[c][k]] -= 1
                loads[target] += 1
                holders[c][k] = target
