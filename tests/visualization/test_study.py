"""The figures of a study show every method, and gray what an interval leaves open."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from longtail_det.statistics import Interval
from longtail_det.visualization import GROUP_COLORS, Point, plot_forest, plot_over_steps, plot_tradeoff
from longtail_det.visualization.style import UNSETTLED


def test_a_difference_whose_interval_holds_zero_is_gray():
    rows = {
        'clear': {'APr': Interval(0.05, 0.01, 0.09)},
        'open': {'APr': Interval(0.02, -0.01, 0.04)},
        'less': {'APr': Interval(-0.03, -0.04, -0.01)},
    }
    figure = plot_forest(rows, 'box AP (points)')
    assert [axes.get_title(loc='left') for axes in figure.axes] == ['all', 'rare', 'common', 'frequent']
    rare = figure.axes[1]
    bars = [line for line in rare.lines if list(line.get_xdata()) != [0, 0]]
    assert [end for bar in bars for end in bar.get_xdata()] == pytest.approx([1.0, 9.0, -1.0, 4.0, -4.0, -1.0])
    assert [to_hex(bar.get_color()).upper() for bar in bars] == [GROUP_COLORS['r'], UNSETTLED, GROUP_COLORS['r']]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == list(rows)
    assert figure.axes[0].yaxis_inverted()


def numbers(axes):
    return {text.get_text(): text.xy for text in axes.texts}


def test_methods_have_the_same_number_in_every_panel():
    left = {'softmax': Point(60.0, 20.0), 'seesaw': Point(62.0, 30.0, 0.5, 2.0)}
    panels = {('frequent', 'rare'): left, ('frequent', 'common'): {'seesaw': Point(62.0, 45.0)}}
    figure = plot_tradeoff(panels, 'softmax')
    assert numbers(figure.axes[0]) == {'1': (60.0, 20.0), '2': (62.0, 30.0)}
    assert numbers(figure.axes[1]) == {'2': (62.0, 45.0)}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['1  softmax', '2  seesaw']


@pytest.mark.parametrize(('least_x', 'front'), [(False, [2.0]), (True, [1.0, 2.0])])
def test_the_front_of_a_cost_prefers_less(least_x, front):
    points = {'cheap': Point(1.0, 20.0), 'good': Point(2.0, 30.0)}
    axes = plot_tradeoff({('cost', 'AP'): points}, '', least_x=least_x).axes[0]
    dashed = next(line for line in axes.lines if line.get_linestyle() == '--')
    assert sorted(dashed.get_xdata()) == front


def test_ap_over_steps_has_a_curve_for_each_method():
    curves = {
        'softmax': {600: {'AP': 45.0, 'APr': 25.0}, 300: {'AP': 40.0, 'APr': 20.0}},
        'EQLv2': {300: {'APr': 10.0}},
    }
    figure = plot_over_steps(curves, 'box AP (%)')
    softmax, eqlv2 = figure.axes[1].lines
    assert (list(softmax.get_xdata()), list(softmax.get_ydata())) == ([300, 600], [20.0, 25.0])
    assert list(eqlv2.get_xdata()) == [300]


@pytest.mark.parametrize(
    'draw', [lambda: plot_forest({}, ''), lambda: plot_tradeoff({}, ''), lambda: plot_over_steps({}, '')]
)
def test_nothing_to_draw_is_an_error(draw):
    with pytest.raises(ValueError, match='expected'):
        draw()
