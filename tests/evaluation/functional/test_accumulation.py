from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.evaluation.functional import RECALL_THRESHOLDS, best_of_class, class_curve


@given(seed=st.integers(0, 10**6), count=st.integers(0, 30), cap=st.integers(1, 8))
def test_the_best_of_a_class_are_those_of_a_stable_sort(seed, count, cap):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 3, count), rng.integers(0, 4, count) / 4
    expected = np.zeros(count, dtype=bool)
    for label in range(3):
        rows = [row for row in range(count) if labels[row] == label]
        expected[sorted(rows, key=lambda row: -scores[row])[:cap]] = True
    np.testing.assert_array_equal(best_of_class(labels, scores, cap), expected)


@given(seed=st.integers(0, 10**6), count=st.integers(0, 30))
def test_the_curve_equals_a_walk_down_the_ranking(seed, count):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, (2, count))  # hit, miss, neither
    num_objects = int((kind == 0).sum(axis=1).max(initial=0) + rng.integers(1, 4))
    precision, recall = class_curve(kind == 0, kind == 1, num_objects)
    for row in range(2):
        points, tp, fp = [], 0, 0
        for k in kind[row]:
            tp, fp = tp + (k == 0), fp + (k == 1)
            points.append((tp / num_objects, tp / (fp + tp + np.spacing(1))))
        expected = [max((p for r, p in points if r >= wanted), default=0.0) for wanted in RECALL_THRESHOLDS]
        np.testing.assert_array_equal(precision[row], expected)
        assert recall[row] == (points[-1][0] if points else 0)


def test_a_class_of_many_detections_is_done_threshold_by_threshold(monkeypatch):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, (10, 400))
    at_once = class_curve(kind == 0, kind == 1, 300)
    monkeypatch.setattr('longtail_det.evaluation.functional.accumulation._LARGE', 1000)
    for values, expected in zip(class_curve(kind == 0, kind == 1, 300), at_once, strict=True):
        np.testing.assert_array_equal(values, expected, strict=True)
