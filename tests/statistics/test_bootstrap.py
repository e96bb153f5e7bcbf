from __future__ import annotations

import numpy as np
import pytest

from longtail_det.statistics import Interval, bootstrap_weights, centered_interval


def test_each_resample_draws_as_many_items_as_there_are_and_each_item_as_often():
    weights = bootstrap_weights(50, 400, seed=3)
    assert weights.shape == (400, 50)
    assert (weights.sum(axis=1) == 50).all()
    # the mean over 400 draws of a Poisson count of mean 1 has a standard deviation of 0.05
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.25)
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.05)


def test_draws_repeat_with_the_seed_and_more_resamples_go_on_from_fewer():
    np.testing.assert_array_equal(bootstrap_weights(9, 5, seed=1), bootstrap_weights(9, 8, seed=1)[:5])
    assert (bootstrap_weights(9, 5, seed=1) != bootstrap_weights(9, 5, seed=2)).any()


def test_the_interval_of_a_mean_covers_the_true_one_as_often_as_it_says():
    rng = np.random.default_rng(0)
    weights, covered = bootstrap_weights(80, 400), []
    for _ in range(300):
        items = rng.exponential(size=80)
        interval = centered_interval(items.mean(), weights @ items / 80, level=0.9)
        covered.append(interval.low <= 1 <= interval.high)
    assert np.mean(covered) == pytest.approx(0.9, abs=0.05)


def test_a_shift_of_the_resamples_does_not_move_the_interval():
    values = np.random.default_rng(0).normal(size=100)
    expected = centered_interval(0.5, values)
    np.testing.assert_allclose(centered_interval(0.5, values + 7), expected)
    np.testing.assert_allclose(centered_interval(0.5, np.append(values, np.nan)), expected)


def test_what_is_undefined_everywhere_has_no_interval():
    assert np.isnan(centered_interval(np.nan, np.full(5, np.nan))).all()


@pytest.mark.parametrize(
    ('interval', 'holds'),
    [((0.1, 0.0, 0.2), True), ((0.1, 0.05, 0.2), False), ((-1, -2, -0.5), False), ((np.nan,) * 3, True)],
)
def test_an_interval_holds_zero_unless_it_lies_on_one_side(interval, holds):
    assert Interval(*interval).holds_zero is holds


def test_mistakes_are_one_line():
    with pytest.raises(ValueError, match='1 resamples give no interval; expected 2 or more'):
        bootstrap_weights(4, 1)
    with pytest.raises(ValueError, match=r'level 95 is outside \(0, 1\)'):
        centered_interval(0.0, np.arange(3.0), level=95)
