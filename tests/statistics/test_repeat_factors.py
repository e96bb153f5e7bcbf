"""Repeat factors: the formulas of RFS and IRFS in loops, and what rounding at random must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail_det.statistics import class_repeat_factors, draw_repeats, image_repeat_factors, resampled_count

NUM_CLASSES = 6
IMAGES = st.lists(st.lists(st.integers(0, NUM_CLASSES - 1), max_size=4, unique=True), min_size=1, max_size=12)
FACTORS = st.lists(st.floats(1, 5), min_size=1, max_size=30).map(np.array)
THRESHOLDS = st.floats(0, 1)


def flat(images):
    return (
        np.array([label for labels in images for label in labels], dtype=np.int64),
        np.cumsum([0, *map(len, images)]),
    )


@settings(deadline=None)  # a busy machine is no failure
@given(IMAGES, THRESHOLDS)
def test_rfs_is_the_formula_of_the_paper(images, threshold):
    labels, offsets = flat(images)
    of_class = class_repeat_factors(np.bincount(labels, minlength=NUM_CLASSES), len(images), oversample_thr=threshold)
    of_image = image_repeat_factors(labels, offsets, of_class)
    for classes, factor in zip(images, of_image, strict=True):
        frequencies = [sum(c in other for other in images) / len(images) for c in classes]
        assert factor == max([1.0, *(math.sqrt(threshold / f) for f in frequencies)])


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=8), THRESHOLDS)
def test_irfs_takes_the_geometric_mean_of_both_shares(counts, threshold):
    image_count = np.array([images for images, _ in counts])
    instance_count = image_count + [more for _, more in counts]
    factors = class_repeat_factors(
        image_count, 60, oversample_thr=threshold, instance_count=instance_count, mode='instance'
    )
    for c, factor in enumerate(factors):
        share = math.sqrt(image_count[c] / 60 * instance_count[c] / instance_count.sum())
        assert factor == pytest.approx(max(1.0, math.sqrt(threshold / share)), rel=1e-12)


def test_irfs_with_equal_shares_is_rfs():
    counts = np.array([1, 4, 15])
    rfs = class_repeat_factors(counts, counts.sum(), oversample_thr=0.4)
    irfs = class_repeat_factors(counts, counts.sum(), oversample_thr=0.4, instance_count=3 * counts, mode='instance')
    np.testing.assert_allclose(irfs, rfs, rtol=1e-12)
    assert rfs.max() > 1


@pytest.mark.parametrize('mode', ['image', 'instance'])
def test_a_class_without_an_image_is_not_repeated(mode):
    instances = [0, 9] if mode == 'instance' else None
    factors = class_repeat_factors([0, 1], 100, oversample_thr=0.5, instance_count=instances, mode=mode)
    assert factors[0] == 1
    assert factors[1] > 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'mode': 'box'}, "mode is 'box', expected 'image'"),
        ({'oversample_thr': 100}, 'oversample_thr=100; expected a finite number'),
        ({'oversample_thr': -0.1}, 'oversample_thr=-0.1; expected a finite number'),
        ({'mode': 'instance'}, "mode='instance' without instance_count"),
        ({'instance_count': [1]}, "mode='image' with instance_count"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        class_repeat_factors([1], 10, **options)


@settings(deadline=None)  # a busy machine is no failure
@given(FACTORS, st.integers(0, 99), st.booleans())
def test_repeats_are_the_factor_rounded_down_or_up(factors, seed, fixed_total):
    repeats = draw_repeats(factors, np.random.default_rng(seed), fixed_total=fixed_total)
    assert (np.abs(repeats - factors) < 1 + 1e-9).all()
    assert (repeats[factors == np.round(factors)] == factors[factors == np.round(factors)]).all() or fixed_total
    if fixed_total:
        assert math.floor(factors.sum() - 1e-9) <= repeats.sum() <= math.ceil(factors.sum() + 1e-9)


@pytest.mark.parametrize('fixed_total', [False, True])
def test_the_mean_repeat_is_the_factor(fixed_total):
    factors = np.array([1.0, 1.1, 1.5, 1.9, 2.0, 3.25, 1.0, 1.7])
    generator = np.random.default_rng(0)
    draws = np.array([draw_repeats(factors, generator, fixed_total=fixed_total) for _ in range(4000)])
    np.testing.assert_allclose(draws.mean(axis=0), factors, atol=5 * 0.5 / math.sqrt(len(draws)))
    assert (draws[:, factors == np.round(factors)] == factors[factors == np.round(factors)]).all() or fixed_total
    assert (len(set(draws.sum(axis=1))) <= 2) == fixed_total


@settings(deadline=None)  # a busy machine is no failure
@given(IMAGES, st.randoms(use_true_random=False))
def test_resampled_counts_are_those_of_the_repeated_list(images, random):
    repeats = [random.randint(0, 3) for _ in images]
    shown = [label for labels, times in zip(images, repeats, strict=True) for label in labels * times]
    counts = resampled_count(*flat(images), np.array(repeats), NUM_CLASSES)
    assert counts.tolist() == [shown.count(c) for c in range(NUM_CLASSES)]
