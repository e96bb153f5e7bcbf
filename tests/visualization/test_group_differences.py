from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from longtail_det.statistics import Interval
from longtail_det.visualization import figure_png, plot_group_differences
from longtail_det.visualization.style import SERIES, UNSETTLED

DIFFERENCES = {
    'seesaw': {
        'AP': Interval(0.05, 0.02, 0.08),
        'APr': Interval(0.01, -0.02, 0.04),
        'APc': Interval(np.nan, np.nan, np.nan),
        'APf': Interval(-0.03, -0.05, -0.01),
    },
    'rfs': {'AP': Interval(0.1, 0.09, 0.11)},
}


def test_a_difference_is_a_point_with_its_interval_and_grey_where_it_holds_zero():
    figure = plot_group_differences(DIFFERENCES, 'softmax', 'segm')
    (axes,) = figure.axes
    drawn = [bars for bars in axes.containers if len(bars.lines[0].get_ydata())]
    points = [float(bars.lines[0].get_ydata()[0]) for bars in drawn]
    assert points == pytest.approx([5, 1, -3, 10])
    spans = [bars.lines[2][0].get_segments()[0][:, 1] for bars in drawn]
    np.testing.assert_allclose(spans, [[2, 8], [-2, 4], [-5, -1], [9, 11]])
    colors = [to_hex(bars.lines[0].get_color()).upper() for bars in drawn]
    assert colors == [SERIES[0], UNSETTLED, SERIES[0], SERIES[1]]
    assert [text.get_text() for text in axes.texts] == ['+5.0', '+1.0', '-3.0', '+10.0']
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['seesaw', 'rfs']
    assert axes.get_title('left') == 'Mask AP: difference to softmax'
    figure_png(figure)


def test_nothing_to_draw_is_one_line():
    with pytest.raises(ValueError, match='no difference to draw'):
        plot_group_differences({}, 'softmax', 'bbox')
