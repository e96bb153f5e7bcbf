from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch

from longtail_det.statistics import COMMON_MAX_IMAGES, RARE_MAX_IMAGES, ClassStatistics
from longtail_det.visualization import GROUP_COLORS, plot_class_frequency

COUNTS = [11, 5, 100, 2000, 0, 101, 10]


@pytest.fixture
def axes():
    return plot_class_frequency(ClassStatistics(COUNTS, COUNTS, num_images=3000)).axes[0]


def test_bars_are_the_counts_in_falling_order(axes):
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    assert np.concatenate([patch.get_data().values for patch in steps]).tolist() == sorted(COUNTS, reverse=True)
    assert np.unique(np.concatenate([patch.get_data().edges for patch in steps])).tolist() == list(range(8))
    assert axes.get_yscale() == 'log'


def test_each_group_has_its_color_and_its_classes(axes):
    color_of = {to_hex(patch.get_facecolor()).upper(): patch.get_data().values.tolist() for patch in axes.patches}
    assert color_of == {GROUP_COLORS['f']: [2000, 101], GROUP_COLORS['c']: [100, 11], GROUP_COLORS['r']: [10, 5, 0]}
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ['frequent: 2 classes', 'common: 2 classes', 'rare: 3 classes']


def test_lines_mark_the_borders_of_the_groups(axes):
    assert [line.get_ydata()[0] for line in axes.lines] == [RARE_MAX_IMAGES, COMMON_MAX_IMAGES]


@pytest.mark.parametrize('counts', [[], [0, 0], [5]])
def test_groups_may_be_empty(counts):
    figure = plot_class_frequency(ClassStatistics(counts, counts, num_images=5))
    assert sum(len(patch.get_data().values) for patch in figure.axes[0].patches) == len(counts)
