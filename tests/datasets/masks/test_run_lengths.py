"""A window holds all of a mask's foreground and no more."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from longtail_det.datasets.masks.run_lengths import encode_mask

from .cases import random_image

HEIGHT, WIDTH = 30, 40


def paste(window, height, width):
    pixels = np.zeros((height, width), dtype=np.uint8)
    tall, wide = window.pixels.shape
    pixels[window.top : window.top + tall, window.left : window.left + wide] = window.pixels
    return pixels


@pytest.mark.parametrize('seed', range(8))
def test_the_window_of_any_mask(seed):
    masks, expected = random_image(np.random.default_rng(seed))
    for mask, pixels in zip(masks, expected.masks, strict=True):
        found = encode_mask(mask, *pixels.shape)
        window = found.window
        np.testing.assert_array_equal(paste(window, *pixels.shape), pixels)
        if pixels.any():
            assert window.pixels.any(axis=0)[[0, -1]].all()
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).window.pixels, window.pixels)


@pytest.mark.parametrize('share', [0, 0.001, 0.5, 1])
def test_long_and_short_runs(share):
    pixels = (np.random.default_rng(0).random((700, 90)) < share).astype(np.uint8)
    np.testing.assert_array_equal(paste(encode_mask(pixels, 700, 90).window, 700, 90), pixels)


def test_empty_runs_of_hand_made_files():
    rle = {'size': [4, 3], 'counts': [0, 2, 0, 3, 2, 0, 5]}
    pixels = coco_mask.decode(coco_mask.frPyObjects(rle, 4, 3))
    np.testing.assert_array_equal(paste(encode_mask(rle, 4, 3).window, 4, 3), pixels)


def test_a_polygon_without_area_is_empty():
    assert encode_mask([np.zeros(6)], HEIGHT, WIDTH).window.pixels.size == 0


@pytest.mark.parametrize('mask', [{'size': [HEIGHT, 3], 'counts': [90]}, np.zeros((HEIGHT, 3))], ids=['RLE', 'bitmap'])
def test_another_size_is_refused(mask):
    with pytest.raises(ValueError, match='found a mask of 30 x 3 pixels, expected the 30 x 40 of its image'):
        encode_mask(mask, HEIGHT, WIDTH)
