from __future__ import annotations

import numpy as np
import pytest

from longtail_det.synthetic.outlines import FONTS, outline, rasterize, rotation, transform_outline


def square(low: float, high: float) -> np.ndarray:
    return np.array([[low, low], [high, low], [high, high], [low, high]], dtype=float)


@pytest.mark.parametrize('font', FONTS)
def test_outlines_are_centered_with_a_longest_side_of_one(font):
    points = np.concatenate(outline(font, 'g'))
    np.testing.assert_allclose(points.max(axis=0), -points.min(axis=0), atol=1e-12)
    assert np.ptp(points, axis=0).max() == pytest.approx(1)


def test_y_points_down():
    letter = tuple(contour + 20 for contour in transform_outline(outline('DejaVuSans', 'L'), 40 * np.eye(2)))
    rows = rasterize(letter, 40, 40).sum(axis=1)
    assert rows[-3] > rows[3], 'the foot of an L is at the bottom'


def test_a_contour_inside_another_is_a_hole_only_if_it_winds_the_other_way():
    outer, inner = square(2, 18), square(6, 14)
    same = rasterize((outer, inner), 20, 20)
    opposite = rasterize((outer, inner[::-1]), 20, 20)
    assert same[10, 10] == 1
    assert opposite[10, 10] == 0
    assert opposite[4, 4] == 1


def test_rotation_turns_x_towards_y():
    np.testing.assert_allclose(rotation(90) @ [1, 0], [0, 1], atol=1e-12)
