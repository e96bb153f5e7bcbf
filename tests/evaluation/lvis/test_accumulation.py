from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.evaluation.lvis.accumulation import best_of_class, class_curves, recall_counts
from longtail_det.evaluation.lvis.parameters import RECALL_THRESHOLDS


@given(seed=st.integers(0, 10**6), count=st.integers(0, 30), max_dets=st.integers(1, 8))
def test_the_best_of_a_class_are_those_of_a_stable_sort(seed, count, max_dets):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 3, count), rng.integers(0, 4, count) / 4
    expected = np.zeros(count, dtype=bool)
    for label in range(3):
        rows = [row for row in range(count) if labels[row] == label]
        expected[sorted(rows, key=lambda row: -scores[row])[:max_dets]] = True
    np.testing.assert_array_equal(best_of_class(labels, scores, max_dets), expected)


@given(seed=st.integers(0, 10**6), num_classes=st.integers(1, 5), most=st.integers(0, 30))
def test_the_curves_equal_a_walk_down_the_ranking_of_each_class(seed, num_classes, most):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most + 1, num_classes)
    stops = np.cumsum(counts)
    kind = rng.integers(0, 3, stops[-1])  # true_positive, false_positive, neither
    ranked = np.split(kind, stops[:-1])
    num_objects = np.array([(own == 0).sum() + rng.integers(1, 4) for own in ranked])
    asked = np.flatnonzero(rng.random(num_classes) < 0.7)  # classes without objects are left out
    found, precision = class_curves(
        kind == 0, kind == 1, (stops - counts)[asked], stops[asked], recall_counts(num_objects[asked])
    )
    for row, label in enumerate(asked):
        points, tp, fp = [], 0, 0
        for k in ranked[label]:
            tp, fp = tp + (k == 0), fp + (k == 1)
            points.append((tp / num_objects[label], tp / (fp + tp + np.spacing(1))))
        expected = [max((p for r, p in points if r >= wanted), default=0.0) for wanted in RECALL_THRESHOLDS]
        np.testing.assert_array_equal(precision[row], expected)
        assert found[row] == tp


def test_a_recall_counts_as_reached_by_the_quotient_of_floats():
    """For every number of objects up to 3000, among them those whose quotients lie beside a threshold."""
    num_objects = np.arange(1, 3001)
    counts = recall_counts(num_objects)
    quotients = [np.arange(n + 1) / n for n in num_objects]
    expected = [np.maximum(np.searchsorted(quotient, RECALL_THRESHOLDS), 1) for quotient in quotients]
    np.testing.assert_array_equal(counts, expected)
