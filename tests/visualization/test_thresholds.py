from __future__ import annotations

import pytest

from longtail_det.visualization import ThresholdCurve, figure_png, plot_thresholds

CURVES = {
    'RFS': ThresholdCurve([0, 0.001, 0.01], {'length': [1, 1.1, 2], 'Gini': [0.7, 0.6, 0.5]}, 0.01),
    'IRFS': ThresholdCurve([0, 0.002], {'length': [1, 1.3], 'Gini': [0.7, 0.4]}, None),
}


def test_a_line_for_each_rule_and_a_point_for_what_is_chosen():
    figure = plot_thresholds(CURVES)
    assert [axes.get_title(loc='left') for axes in figure.axes] == ['length', 'Gini']
    for axes, title in zip(figure.axes, ('length', 'Gini'), strict=True):
        drawn = [line.get_xydata().tolist() for line in axes.lines]
        rfs, irfs = (CURVES[name].values[title] for name in CURVES)
        assert drawn == [[[0.001, rfs[1]], [0.01, rfs[2]]], [[0.01, rfs[2]]], [[0.002, irfs[1]]], []]
    assert figure_png(figure).startswith(b'\x89PNG')


def test_nothing_to_draw_is_named():
    with pytest.raises(ValueError, match='no curve'):
        plot_thresholds({})
