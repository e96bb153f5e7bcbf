from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex

from longtail_det.statistics import ClassStatistics
from longtail_det.visualization import GROUP_COLORS, figure_png, plot_validation_counts

STATS = ClassStatistics([50, 0, 300, 8], [70, 0, 400, 9], num_images=340)
OBJECTS = [7, 3, 0, 900]


def test_each_class_is_a_point_inside_the_axes():
    figure = plot_validation_counts(STATS, OBJECTS)
    (axes,) = figure.axes
    points = np.concatenate([collection.get_offsets() for collection in axes.collections]).tolist()
    expected = [[images, objects] for images, objects in zip(STATS.image_count, OBJECTS, strict=True)]
    assert sorted(points) == sorted(expected)
    for (images, objects), bounds in ((point, (axes.get_xlim(), axes.get_ylim())) for point in points):
        assert bounds[0][0] <= images <= bounds[0][1]
        assert bounds[1][0] <= objects <= bounds[1][1]
    for (group, color), collection in zip(GROUP_COLORS.items(), axes.collections, strict=True):
        assert to_hex(collection.get_facecolor()[0]).upper() == color
        assert len(collection.get_offsets()) == len(STATS.groups[group])
    assert figure_png(figure).startswith(b'\x89PNG')
