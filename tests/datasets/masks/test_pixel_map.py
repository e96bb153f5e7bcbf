"""An index for each row and column stands for any chain of the recorded transforms."""

from __future__ import annotations

import mmcv
import numpy as np
import pytest

from longtail_det.datasets.masks.pixel_map import PixelMap

PIXELS = np.random.default_rng(0).integers(255, size=(300, 70), dtype=np.uint8)


def show(pixel_map):
    shown = PIXELS[np.ix_(pixel_map.rows, pixel_map.columns)]
    return np.where((pixel_map.rows < 0)[:, None] | (pixel_map.columns < 0), 0, shown)


@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
@pytest.mark.parametrize('size', [(300, 70), (1, 1), (299, 71), (613, 149), (77, 33)], ids=str)
def test_resize_picks_the_pixels_of_mmcv(size, backend):
    mmcv.use_backend(backend)
    try:
        found = PixelMap.identity(300, 70).resize(*size)
        expected = mmcv.imresize(PIXELS, size[::-1], interpolation='nearest')
    finally:
        mmcv.use_backend('cv2')
    np.testing.assert_array_equal(show(found), expected)


def test_flip_pad_and_crop():
    untouched = PixelMap.identity(300, 70)
    np.testing.assert_array_equal(show(untouched.flip(rows=True, columns=False)), PIXELS[::-1])
    np.testing.assert_array_equal(show(untouched.flip(rows=False, columns=True)), PIXELS[:, ::-1])
    padded = untouched.pad(303, 75)
    np.testing.assert_array_equal(show(padded), np.pad(PIXELS, ((0, 3), (0, 5))))
    np.testing.assert_array_equal(show(untouched.crop(290, 3, 15, 4)), np.pad(PIXELS[290:, 3:7], ((0, 5), (0, 0))))
    assert padded.crop(0, 0, 300, 70).equals(untouched)
    assert not padded.equals(untouched)
