from __future__ import annotations

import numpy as np
import pytest

from longtail_det.datasets.palette import make_palette


@pytest.mark.parametrize('num_classes', [0, 1, 80, 1203, 13204])
def test_colors_for_any_number_of_classes(num_classes):
    palette = make_palette(num_classes)
    assert len(palette) == num_classes
    assert make_palette(num_classes + 5)[:num_classes] == palette  # a class keeps its color
    assert all(type(value) is int and 0 <= value <= 255 for color in palette for value in color)


def test_neighbors_differ():
    colors = np.array(make_palette(300))
    for distance in range(1, 8):
        assert np.abs(colors[distance:] - colors[:-distance]).sum(axis=1).min() > 30
