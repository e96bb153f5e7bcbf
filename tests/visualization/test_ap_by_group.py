from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from longtail_det.visualization import GROUP_COLORS, plot_ap_by_group

RESULTS = {
    'bbox': {'AP': 0.25, 'APr': 0.1, 'APc': 0.2, 'APf': 0.5, 'AP50': 0.99},
    'segm': {'AP': 0.2, 'APr': -1, 'APc': math.nan, 'APf': 0.4},
}


def heights(axes):
    return [bar.get_height() for bar in axes.patches]


def labels(axes):
    return [text.get_text() for text in axes.texts]


def test_bars_are_the_results_in_percent():
    figure = plot_ap_by_group({'run': RESULTS})
    assert isinstance(figure, Figure)
    box, mask = figure.axes
    assert heights(box) == pytest.approx([25, 10, 20, 50])
    assert labels(box) == ['25.0', '10.0', '20.0', '50.0']
    assert [tick.get_text() for tick in box.get_xticklabels()] == ['all', 'rare', 'common', 'frequent']
    assert [to_hex(bar.get_facecolor()).upper() for bar in box.patches[1:]] == list(GROUP_COLORS.values())
    assert (box.get_title('left'), mask.get_title('left')) == ('Box AP', 'Mask AP')


def test_what_is_undefined_is_a_dash_and_no_bar():
    mask = plot_ap_by_group({'run': RESULTS}).axes[1]
    assert heights(mask) == pytest.approx([20, 0, 0, 40])
    assert labels(mask) == ['20.0', '-', '-', '40.0']


def test_several_runs_stand_side_by_side_and_are_named():
    figure = plot_ap_by_group({'softmax': RESULTS, 'seesaw': {'bbox': {'AP': 0.3}}})
    box, mask = figure.axes
    assert heights(box) == pytest.approx([25, 10, 20, 50, 30, 0, 0, 0])
    assert labels(mask)[4:] == ['-'] * 4
    lefts = [bar.get_x() for bar in box.patches]
    assert all(0 < second - first < 0.5 for first, second in zip(lefts[:4], lefts[4:], strict=True))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['softmax', 'seesaw']


def test_intervals_are_error_bars():
    values = {'AP': 0.25, 'AP_low': 0.2, 'AP_high': 0.4, 'APr': 0.1, 'APc': -1, 'APc_low': -1, 'APc_high': -1}
    axes = plot_ap_by_group({'run': {'bbox': values}}).axes[0]
    (lines,) = axes.collections
    spans = [segment[:, 1] for segment in lines.get_segments()]
    np.testing.assert_allclose(spans, [[20, 40], [10, 10], [0, 0], [0, 0]])
    assert axes.get_ylim()[1] > 40
    assert not plot_ap_by_group({'run': RESULTS}).axes[0].collections


def test_every_bar_fits_under_the_frame():
    axes = plot_ap_by_group({'run': RESULTS}).axes[0]
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > 50


@pytest.mark.parametrize('runs', [{}, {'run': {}}])
def test_nothing_to_draw_is_one_line(runs):
    with pytest.raises(ValueError, match='no AP to draw'):
        plot_ap_by_group(runs)
