from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from longtail_det.evaluation.diagnosis import ERROR_TYPES, ErrorTypes
from longtail_det.visualization import GROUP_COLORS, figure_png, plot_error_types


@pytest.fixture
def errors():
    """A rare class that would gain 0.1, 0.2, ... by the kinds, a frequent one that gains nothing, no common one."""
    gains = {kind: 0.1 * number for number, kind in enumerate(ERROR_TYPES, start=1)}
    return ErrorTypes(
        ap=np.array([0.2, 0.5]),
        fixed={kind: np.array([0.2 + gain, 0.5]) for kind, gain in gains.items()},
        counts={kind: np.array([3, 1]) for kind in ERROR_TYPES},
        groups=np.array(['r', 'f']),
    )


def test_a_bar_is_what_a_kind_of_error_costs_a_group(errors):
    figure = plot_error_types({'run': errors})
    (axes,) = figure.axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([10, 20, 30, 40, 50, 60] + [0] * 12)
    colors = [to_hex(bars[0].get_facecolor()).upper() for bars in axes.containers]
    assert colors == list(GROUP_COLORS.values())
    assert [text.get_text() for text in axes.texts] == [f'{10 * n}.0' for n in range(1, 7)] + [''] * 12
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(ERROR_TYPES)
    figure_png(figure)


def test_runs_stand_side_by_side(errors):
    figure = plot_error_types({'softmax': errors, 'seesaw': errors})
    assert [axes.get_title('left') for axes in figure.axes] == ['softmax', 'seesaw']
    with pytest.raises(ValueError, match='no run to draw'):
        plot_error_types({})
