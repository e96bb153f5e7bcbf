from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.evaluation.diagnosis import pareto_front, reliability

scored = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


@given(scored)
def test_bins_together_are_all_detections(pairs):
    scores, true_positives = (np.array(column) for column in zip(*pairs, strict=True))
    curve = reliability(scores, true_positives)
    assert curve.detections.sum() == len(scores)
    assert (curve.detections > 0).all()
    assert curve.precision @ curve.detections == pytest.approx(true_positives.sum())
    assert curve.score @ curve.detections == pytest.approx(scores.sum())
    assert (np.diff(curve.score) > 0).all()
    assert 0 <= curve.error <= 1


def test_the_error_is_the_mean_distance_over_detections():
    curve = reliability(np.array([0.95, 0.95, 0.15, 1.0]), np.array([True, False, True, True]))
    assert curve.detections.tolist() == [1, 3]
    assert curve.error == pytest.approx((0.85 + 3 * abs(2.9 / 3 - 2 / 3)) / 4)


def test_scores_that_are_right_have_no_error():
    scores = np.repeat([0.25, 0.75], 4)
    true_positives = np.array([True, False, False, False, True, True, True, False])
    assert reliability(scores, true_positives).error == 0


def test_nothing_has_no_error():
    curve = reliability(np.zeros(0), np.zeros(0, bool))
    assert math.isnan(curve.error)
    assert len(curve.score) == 0


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(points)
def test_the_front_is_what_none_dominates(given_points):
    def beats(a, b):
        return a[0] >= b[0] and a[1] >= b[1] and a != b

    front = pareto_front(given_points)
    best = {p for p in given_points if not any(beats(q, p) for q in given_points)}
    assert [given_points[i] for i in front] == sorted(best)
    assert all(given_points.index(given_points[i]) == i for i in front)


def test_an_undefined_point_is_on_no_front():
    assert pareto_front([(0.5, math.nan), (0.1, 0.1)]) == [1]
