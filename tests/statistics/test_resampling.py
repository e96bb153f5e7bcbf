"""What is predicted of an epoch is what the sampler of plain torch loaders shows, and repeated images hold."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.sampling import RepeatFactorSampler, repeat_factors
from longtail_det.statistics import RESAMPLING_MODES, ClassStatistics, Resampling, gini

NUM_CLASSES = 5
IMAGES = st.lists(st.lists(st.integers(0, NUM_CLASSES - 1), min_size=1, max_size=5), min_size=1, max_size=12)


def resampling_of(images: list[list[int]]) -> Resampling:
    labels = np.array([label for each in images for label in each])
    once = np.array([label for each in images for label in set(each)])
    stats = ClassStatistics(
        np.bincount(once, minlength=NUM_CLASSES), np.bincount(labels, minlength=NUM_CLASSES), num_images=len(images)
    )
    return Resampling(labels, np.cumsum([0, *map(len, images)]), stats)


@given(IMAGES, st.floats(0, 1), st.sampled_from(RESAMPLING_MODES))
def test_factors_are_those_of_the_sampler_and_their_sum_its_length(images, threshold, mode):
    factors = resampling_of(images).image_factors(threshold, mode)
    np.testing.assert_allclose(factors, repeat_factors(images, oversample_thr=threshold, mode=mode), rtol=1e-12)
    epoch = resampling_of(images).epoch(factors)
    assert epoch.length == pytest.approx(factors.sum())
    assert abs(len(RepeatFactorSampler(factors)) - epoch.length) < 1


@given(IMAGES, st.data())
def test_an_epoch_holds_what_the_repeated_images_hold(images, data):
    repeats = data.draw(st.lists(st.integers(0, 3), min_size=len(images), max_size=len(images)))
    epoch = resampling_of(images).epoch(np.array(repeats))
    shown = [labels for labels, times in zip(images, repeats, strict=True) for _ in range(times)]
    instances = Counter(label for labels in shown for label in labels)
    of_images = Counter(label for labels in shown for label in set(labels))
    assert epoch.instances.tolist() == [instances[c] for c in range(NUM_CLASSES)]
    assert epoch.images.tolist() == [of_images[c] for c in range(NUM_CLASSES)]
    assert epoch.length == len(shown)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_gini_is_half_the_mean_difference_over_the_mean(counts):
    if not any(counts):
        assert np.isnan(gini(counts))
        return
    n = len(counts)
    differences = sum(abs(a - b) for a in counts for b in counts) / n**2
    assert gini(counts) == pytest.approx(differences / (2 * sum(counts) / n))
    assert gini([7 * count for count in counts]) == pytest.approx(gini(counts))
