from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.visualization import plot_losses
from longtail_det.visualization.losses import moving_average

LOG = [
    {'loss': 3.0, 'loss_cls': 2.0, 's0.loss_bbox': 1.0, 'lr': 0.1, 'acc': 50.0, 'step': 10},
    {'lvis/bbox_AP': 0.1, 'step': 1},
    {'loss': 2.0, 'loss_cls': 1.5, 's0.loss_bbox': 0.5, 'lr': 0.1, 'acc': 60.0, 'step': 20},
    {'loss': 1.0, 'loss_cls': 0.5, 'loss_late': 0.5, 'lr': 0.1, 'acc': 70.0, 'step': 30},
]


def test_curves_hold_what_was_logged():
    total, parts = plot_losses(LOG).axes
    raw, smooth = total.lines
    assert raw.get_xdata().tolist() == [10, 20, 30]
    assert raw.get_ydata().tolist() == smooth.get_ydata().tolist() == [3, 2, 1]  # too few to average
    assert raw.get_alpha() < 1
    assert [text.get_text() for text in parts.get_legend().get_texts()] == ['loss_cls', 's0.loss_bbox', 'loss_late']
    assert len(parts.lines) == 2 * 3
    assert parts.lines[-1].get_xdata().tolist() == [30]


def test_the_bold_curve_of_a_long_log_is_smoother_than_the_log():
    noise = np.random.default_rng(0).uniform(1, 2, 200)
    total = plot_losses([{'loss': float(value), 'step': n} for n, value in enumerate(noise)]).axes[0]
    raw, smooth = (line.get_ydata() for line in total.lines)
    np.testing.assert_array_equal(raw, noise)
    assert np.abs(np.diff(smooth[20:])).mean() < 0.3 * np.abs(np.diff(raw[20:])).mean()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.integers(1, 20))
def test_an_average_stays_among_the_values_so_far(values, span):
    averages = moving_average(np.array(values), span)
    for n, average in enumerate(averages, start=1):
        assert min(values[:n]) - 1e-9 <= average <= max(values[:n]) + 1e-9


def test_a_span_of_one_changes_nothing():
    assert moving_average(np.array([3.0, 1.0, 2.0]), 1).tolist() == [3, 1, 2]


def test_a_log_without_training_is_one_line():
    with pytest.raises(ValueError, match='none of 1 log records holds a loss'):
        plot_losses(LOG[1:2])
