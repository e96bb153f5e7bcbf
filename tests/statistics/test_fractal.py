"""The fractal dimension equals a loop over cells, and is what geometry says."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.statistics import fractal_dimension


def dimension_by_loop(points, max_grid=64):
    """The definition: cells one by one, a textbook line through the points."""
    x, y = [], []
    for g in range(1, max_grid + 1):
        if len(points) < g * g:
            break
        cells = {(math.floor(a * g), math.floor(b * g)) for a, b in points if 0 <= a < 1 and 0 <= b < 1}
        if not cells:
            return 1.0
        x.append(math.log(g))
        y.append(math.log(len(cells)))
    if len(points) < 4:
        return 1.0
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    return max(slope, 1.0)


@given(st.integers(0, 2**31), st.lists(st.integers(0, 60), min_size=1, max_size=6), st.sampled_from([3, 64]))
def test_it_equals_the_loop(seed, sizes, max_grid):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    points = rng.uniform(-0.05, 1.05, (len(labels), 2)) * [1, rng.choice([0.01, 1])]
    expected = [dimension_by_loop(points[labels == c].tolist(), max_grid) for c in range(len(sizes))]
    np.testing.assert_allclose(fractal_dimension(points, labels, len(sizes), max_grid=max_grid), expected)


def of_one_class(points):
    return fractal_dimension(points, np.zeros(len(points), dtype=int), 1)[0]


def test_shapes_have_the_dimension_of_geometry():
    along = np.linspace(0, 1, 4096, endpoint=False)
    assert of_one_class(np.full((4096, 2), 0.3)) == 1.0
    assert of_one_class(np.stack([along, along], 1)) == pytest.approx(1.0)
    steps = (np.arange(64) + 0.5) / 64
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    assert of_one_class(grid) == pytest.approx(2.0, abs=0.01)
    cloud = np.random.default_rng(0).random((4096, 2))
    assert of_one_class(cloud) == pytest.approx(1.90, abs=0.01)


def test_few_or_outside_objects_are_a_point():
    corners = np.array([[0.1, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.9]])
    assert of_one_class(corners[:3]) == 1.0
    assert of_one_class(corners) == 2.0
    assert of_one_class(corners + 1) == 1.0
    # a fourth center at 1 counts as an object and occupies no cell
    outside = np.vstack([corners[:3], [[0.5, 1.0]]])
    assert of_one_class(outside) == pytest.approx(math.log(3) / math.log(2))
    assert fractal_dimension(np.zeros((0, 2)), [], 3).tolist() == [1.0, 1.0, 1.0]


def test_a_million_objects_take_seconds():
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 1204) ** 1.3
    labels = rng.choice(1203, 1_300_000, p=share / share.sum())
    points = rng.random((1_300_000, 2))
    start = time.process_time()
    dims = fractal_dimension(points, labels, 1203)
    assert time.process_time() - start < 5
    assert ((dims >= 1) & (dims <= 2.001)).all()
