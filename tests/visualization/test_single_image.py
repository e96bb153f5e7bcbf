from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from longtail_det.visualization import GROUP_COLORS, DrawnInstances, figure_png, plot_image


def drawn(boxes, groups, scored=True):
    scores = np.linspace(0.9, 0.4, len(groups)) if scored else None
    names = [f'$class$ {i}' for i in range(len(groups))]
    return DrawnInstances(np.array(boxes, dtype=float).reshape(-1, 4), names, list(groups), None, scores)


def windows(figure):
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [text.get_window_extent(renderer) for text in figure.axes[0].texts]


@pytest.mark.parametrize(('height', 'width'), [(40, 50), (600, 800), (3000, 2000), (20, 900)])
def test_the_image_is_drawn_whole_in_a_size_to_look_at(height, width):
    figure = plot_image(np.zeros((height, width, 3), np.uint8), drawn([], ''))
    box = figure.axes[0].get_position()
    wide, high = figure.get_size_inches() * figure.dpi * (box.width, box.height)
    assert wide / high == pytest.approx(width / height, rel=0.02)
    assert 640 <= max(wide, high) <= 1600.5
    assert figure.axes[0].get_xlim() == (-0.5, width - 0.5)
    assert figure_png(figure).startswith(b'\x89PNG')


def test_each_instance_has_its_box_name_score_and_color():
    instances = drawn([[5, 5, 20, 20], [30, 30, 45, 40]], 'rf')
    figure = plot_image(np.zeros((50, 50, 3), np.uint8), instances, 'title')
    axes = figure.axes[0]
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    # the first is drawn last, and so on top
    assert [to_hex(box.get_edgecolor()).upper() for box in boxes] == [GROUP_COLORS['f'], GROUP_COLORS['r']]
    assert (boxes[1].get_x(), boxes[1].get_y(), boxes[1].get_width()) == (4.5, 4.5, 15)
    assert [text.get_text() for text in axes.texts] == ['$class$ 0 90', '$class$ 1 40']
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['rare', 'frequent']
    assert figure.texts[0].get_text() == 'title'


def test_names_of_objects_on_one_place_do_not_cover_each_other():
    figure = plot_image(np.zeros((100, 100, 3), np.uint8), drawn([[20, 20, 80, 80]] * 4, 'rcff'))
    found = windows(figure)
    for i, first in enumerate(found):
        assert not any(first.overlaps(other) for other in found[:i])


@pytest.mark.parametrize('box', [(0, 0, 10, 10), (90, 0, 100, 100), (0, 95, 100, 100), (-5, -5, 105, 105)])
def test_names_stay_inside_the_image(box):
    figure = plot_image(np.zeros((100, 100, 3), np.uint8), drawn([box], 'r'))
    frame = figure.axes[0].get_window_extent()
    for window in windows(figure):
        assert frame.x0 - 1 <= window.x0 <= window.x1 <= frame.x1 + 1
        assert frame.y0 - 1 <= window.y0 <= window.y1 <= frame.y1 + 1


def test_masks_are_colored_where_they_are():
    mask = np.zeros((1, 40, 40), dtype=bool)
    mask[0, 10:20, 5:35] = True
    instances = DrawnInstances(np.array([[5.0, 10, 35, 20]]), ['ant'], ['r'], mask)
    overlay = plot_image(np.zeros((40, 40, 3), np.uint8), instances).axes[0].images[1]
    assert overlay.get_extent() == [4.5, 34.5, 19.5, 9.5]
    assert (overlay.get_array()[..., 3] > 0).all()
