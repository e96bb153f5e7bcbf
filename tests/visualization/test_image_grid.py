from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from longtail_det.visualization import GROUP_COLORS, figure_png, plot_image_grid


def boxes(axes):
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


@pytest.mark.parametrize(('count', 'rows', 'columns'), [(1, 1, 2), (2, 1, 4), (3, 2, 4), (8, 4, 4)])
def test_every_image_is_a_pair_of_panels(make_sample, count, rows, columns):
    panels = plot_image_grid([make_sample()] * count).axes
    assert len(panels) == rows * columns
    assert sum(bool(panel.images) for panel in panels) == 2 * count


def test_boxes_and_names_are_those_given_in_the_color_of_the_group(make_sample):
    sample = make_sample('rcf', 'fr')
    left, right = plot_image_grid([sample]).axes
    assert [to_hex(box.get_edgecolor()).upper() for box in boxes(left)] == [GROUP_COLORS[g] for g in 'rcf']
    assert [to_hex(box.get_edgecolor()).upper() for box in boxes(right)] == [GROUP_COLORS[g] for g in 'fr']
    assert [(box.get_width(), box.get_height()) for box in boxes(left)] == [(8, 20)] * 3
    assert [text.get_text() for text in left.texts] == ['$}$ r', '$}$ c', '$}$ f']
    assert [text.get_text() for text in right.texts] == ['$}$ f 90', '$}$ r 40']


def test_masks_lie_over_the_image_where_the_objects_are(make_sample):
    sample = make_sample('r', '')
    left, right = plot_image_grid([sample]).axes
    assert len(left.images) == 2
    overlay = left.images[1]
    x1, x2, y2, y1 = (round(edge + 0.5) for edge in overlay.get_extent())
    covered = np.zeros_like(sample.ground_truth.masks[0])
    covered[y1:y2, x1:x2] = overlay.get_array()[..., 3] > 0
    assert (covered == sample.ground_truth.masks[0]).all()
    assert len(left.collections) == 1  # the outline
    assert len(right.images) == 1


def test_boxes_alone_are_drawn_without_masks(make_sample):
    left = plot_image_grid([make_sample('rc', 'r', masks=False)]).axes[0]
    assert len(left.images) == 1
    assert len(boxes(left)) == 2


def test_the_legend_names_the_groups_that_are_there(make_sample):
    figure = plot_image_grid([make_sample('r', 'f'), make_sample('r', '')])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['rare', 'frequent']


def test_classes_of_unknown_group_are_said_to_be_so(make_sample):
    sample = make_sample('r', '')
    sample.ground_truth.groups[0] = ''
    figure = plot_image_grid([sample])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['group unknown']


def test_drawing_does_not_stretch_the_image(make_sample):
    left = plot_image_grid([make_sample()]).axes[0]
    assert (left.get_xlim(), left.get_ylim()) == ((-0.5, 49.5), (39.5, -0.5))


def test_names_that_look_like_formulas_are_names(make_sample):
    assert figure_png(plot_image_grid([make_sample()])).startswith(b'\x89PNG')


def test_no_image_is_one_line():
    with pytest.raises(ValueError, match='no image to draw'):
        plot_image_grid([])
