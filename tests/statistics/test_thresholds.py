"""A suggested threshold takes the classes that it says, and keeps its promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.losses import EQL
from longtail_det.statistics import (
    ClassStatistics,
    Resampling,
    shortest_decimal,
    suggest_instance_thr,
    suggest_lambda,
    suggest_oversample_thr,
    tail_max_images,
    tail_ratio,
)

COUNTS = st.lists(st.integers(0, 600), min_size=1, max_size=12).filter(any)
NUM_IMAGES = 3000


def one_object_an_image(counts: list[int]) -> Resampling:
    """Images of one object each, so that an epoch grows as its classes do."""
    labels = np.repeat(np.arange(len(counts)), counts)
    stats = ClassStatistics(counts, counts, num_images=len(labels))
    return Resampling(labels, np.arange(len(labels) + 1), stats)


def statistics(counts: list[int], num_images: int = NUM_IMAGES) -> ClassStatistics:
    return ClassStatistics(counts, counts, num_images=num_images)


def length(resampling: Resampling, threshold: float | None, mode: str = 'image') -> float:
    return resampling.image_factors(threshold or 0.0, mode).sum()


@given(COUNTS)
def test_without_a_limit_rfs_repeats_the_tail_alone(counts):
    resampling = one_object_an_image(counts)
    found = suggest_oversample_thr(resampling, max_growth=1e9)
    seen, n = np.array(counts) > 0, resampling.num_images
    tail = np.flatnonzero(seen & (np.array(counts) <= tail_max_images(n)) & (np.array(counts) < n))
    assert found.classes.tolist() == tail.tolist()
    assert (found.value is None) == (not len(tail))


@given(COUNTS, st.floats(0.01, 1))
def test_an_epoch_grows_no_more_than_it_may_and_irfs_no_more_than_rfs(counts, max_growth):
    resampling = one_object_an_image(counts)
    rfs = suggest_oversample_thr(resampling, max_growth)
    assert length(resampling, rfs.value) <= resampling.num_images * (1 + max_growth) * (1 + 1e-9)
    irfs = suggest_instance_thr(resampling, rfs.value)
    assert length(resampling, irfs.value, 'instance') <= length(resampling, rfs.value) * (1 + 1e-9)


def test_a_growth_that_binds_is_used_up():
    resampling = one_object_an_image([2, 3, 5, 8, 13, 21, 400])
    found = suggest_oversample_thr(resampling, 0.2)
    assert 'at most 20 % longer' in found.reason
    assert 1.18 < length(resampling, found.value) / resampling.num_images <= 1.2


@given(COUNTS)
def test_lambda_takes_the_classes_that_eql_shields(counts):
    stats = statistics(counts)
    found = suggest_lambda(stats)
    if found.value is None:
        assert not len(found.classes)
        return
    shielded = EQL(len(counts), lambda_=found.value, class_statistics=stats).is_tail.numpy()
    assert np.flatnonzero(shielded).tolist() == found.classes.tolist()
    assert 0 < len(found.classes) < len(counts)


@pytest.mark.parametrize(
    ('counts', 'classes'),
    [
        ([5, 100, 101], [0, 1]),
        ([5, 100, 60], [0]),  # no frequent class: the rare ones
        ([500, 600], []),
        ([5, 7], []),
        ([0, 600], []),
    ],
)
def test_the_tail_is_what_lvis_calls_rare_and_common(counts, classes):
    assert suggest_lambda(statistics(counts)).classes.tolist() == classes


def test_lvis_gets_its_own_thresholds():
    assert suggest_lambda(statistics([100, 101, 900], 99_388)).value == 0.00101
    assert tail_max_images(99_388) == 100
    assert tail_max_images(1_743_042) == 1743  # Open Images: the share 1e-3


@given(COUNTS, st.floats(0, 1))
def test_the_tail_ratio_is_the_share_of_the_image_labels(counts, lambda_):
    taken = sum(count for count in counts if count / NUM_IMAGES < lambda_)
    assert tail_ratio(statistics(counts), lambda_) == pytest.approx(taken / sum(counts))


@given(st.integers(1, 10**6), st.integers(1, 10**7))
def test_the_shortest_decimal_lies_inside(most, num_images):
    low, high = most / num_images, (most + 1) / num_images
    value = shortest_decimal(low, high)
    assert low < value <= high
    digits = len(repr(value).split('e')[0].replace('.', '').strip('0'))
    assert digits <= len(str(most)) + 1
