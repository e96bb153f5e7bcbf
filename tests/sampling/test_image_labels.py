"""Repeat factors of any dataset, from the labels of its images alone."""

from __future__ import annotations

import pytest

from longtail_det.sampling import ImageLabels, repeat_factors

LABELS = [[0, 0], [0], [1, 0], [], [3, 3, 3, 1]]


@pytest.mark.parametrize('mode', ['image', 'instance'])
def test_no_image_and_no_label(mode):
    assert repeat_factors([[], []], mode=mode).tolist() == [1, 1]
    assert repeat_factors([]).tolist() == []


def test_flat_arrays():
    images = ImageLabels.flatten([[2], [], [0, 2]], num_classes=2, instance_count=[1, 0, 5, 0])
    assert (images.labels.tolist(), images.offsets.tolist()) == ([2, 0, 2], [0, 1, 1, 3])
    assert images.num_classes == 4
    assert images.image_count.tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize('options', [dict(mode='box'), dict(oversample_thr=2.0)])
def test_mistakes_are_named(options):
    with pytest.raises(ValueError, match=r'mode is|oversample_thr='):
        repeat_factors(LABELS, **options)
