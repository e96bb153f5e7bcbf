from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba

from longtail_det.statistics import ClassStatistics
from longtail_det.visualization import GROUP_COLORS, figure_png, plot_resampling

IMAGES = [50, 5, 300, 8]
INSTANCES = [70, 90, 400, 9]
STATS = ClassStatistics(IMAGES, INSTANCES, num_images=340)
LEVELS = [[100, 50, 310, 40], [140, 900, 410, 45], [140, 950, 410, 845]]


def heights(axes, shade):
    """Height of every bar of a shade, from left to right."""
    patches = [patch for patch in axes.patches if to_rgba(patch.get_facecolor())[3] == shade]
    return np.nanmax([patch.get_data().values for patch in patches], axis=0).tolist()


def shades(axes):
    return sorted({to_rgba(patch.get_facecolor())[3] for patch in axes.patches}, reverse=True)


@pytest.mark.parametrize('samples', [None, LEVELS[2]], ids=['images', 'objects'])
def test_each_panel_is_sorted_by_its_frequency_before(samples):
    upper, lower = plot_resampling(STATS, LEVELS[0], LEVELS[1], samples).axes
    expected = [(upper, IMAGES, [LEVELS[0]]), (lower, INSTANCES, [LEVELS[1]] + ([samples] if samples else []))]
    for axes, before, after in expected:
        order = np.argsort(before)[::-1]
        drawn = [heights(axes, shade) for shade in shades(axes)]
        assert drawn == [np.array(level)[order].tolist() for level in [before, *after]]
        assert axes.get_yscale() == 'log'


def test_bars_have_the_color_of_the_group():
    for axes in plot_resampling(STATS, *LEVELS).axes:
        order = np.argsort(-(STATS.image_count if axes.get_subplotspec().rowspan.start == 0 else STATS.instance_count))
        for patch in axes.patches:
            group = next(g for g, color in GROUP_COLORS.items() if to_hex(patch.get_facecolor()).upper() == color)
            shown = ~np.isnan(patch.get_data().values)
            assert set(STATS.frequency[order][shown]) <= {group}


def test_paler_bars_lie_behind():
    for axes in plot_resampling(STATS, *LEVELS).axes:
        alphas = [to_rgba(patch.get_facecolor())[3] for patch in axes.patches]
        assert alphas == sorted(alphas)


@pytest.mark.parametrize('count', [[], [0, 0], [5]])
def test_groups_may_be_empty(count):
    figure = plot_resampling(ClassStatistics(count, count, num_images=5), count, count, count)
    assert figure_png(figure).startswith(b'\x89PNG')
