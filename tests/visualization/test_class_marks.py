"""The mark of a class is where its ink is: on the PNG, under the middle of each mark, is the color of the class."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.statistics import ClassStatistics
from longtail_det.visualization import (
    GROUP_COLORS,
    class_marks,
    figure_png,
    mark_classes,
    plot_ap_by_frequency,
    plot_class_differences,
    plot_class_frequency,
)

IMAGES = np.array([3, 8, 40, 900])
GROUPS = np.array(['r', 'r', 'c', 'f'])


@pytest.fixture
def table():
    ap = {'base': {'bbox': np.array([0.1, 0.3, np.nan, 0.5])}, 'new': {'bbox': np.array([0.3, 0.1, 0.4, 0.8])}}
    return ClassTable(np.arange(4), tuple('abcd'), GROUPS, IMAGES, IMAGES, ap)


def colors_under(figure: Figure) -> list[tuple[int, str]]:
    """(label, group of the nearest color) of each mark."""
    picture = np.asarray(Image.open(io.BytesIO(figure_png(figure))).convert('RGB')) / 255
    found = []
    for mark in class_marks(figure):
        # a fifth below the top: the medians of a group and the zero line cross the middle of some
        pixel = picture[round(mark.top + 0.2 * mark.height), round(mark.left + mark.width / 2)]
        # points are half transparent: compare what is missing to white, of length 1
        ink = {group: 1 - np.array(to_rgb(color)) for group, color in GROUP_COLORS.items()}
        near = {group: np.dot(1 - pixel, color) / np.linalg.norm(color) for group, color in ink.items()}
        assert np.linalg.norm(1 - pixel) > 0.2, f'white under {mark}'
        found.append((mark.label, max(near, key=near.get)))
    return found


def test_points(table):
    expected = [(0, 'r'), (1, 'r'), (3, 'f'), (0, 'r'), (1, 'r'), (2, 'c'), (3, 'f')]
    assert colors_under(plot_ap_by_frequency(table, 'bbox')) == expected


def test_bars(table):
    everyone = [(0, 'r'), (1, 'r'), (3, 'f')]
    by_name = [(3, 'f'), (0, 'r'), (1, 'r')]
    assert colors_under(plot_class_differences(table, 'new', 'base', 'bbox')) == everyone + by_name


def test_steps():
    found = colors_under(plot_class_frequency(ClassStatistics(IMAGES, IMAGES, num_images=1000)))
    assert found == [(3, 'f'), (2, 'c'), (1, 'r'), (0, 'r')]


def test_what_has_no_places_is_refused():
    figure = Figure()
    (line,) = figure.subplots().plot([0, 1])
    mark_classes(line, [0, 1])
    with pytest.raises(TypeError, match='no classes can be pointed at in a Line2D; expected a scatter, a bar or stai'):
        class_marks(figure)
