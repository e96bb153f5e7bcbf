from __future__ import annotations

import numpy as np
import pycocotools.mask as mask_utils
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.evaluation.lvis.boundary import boundary_rle, boundary_width, mask_boundary

pytest.importorskip('cv2')


def eroded(mask: np.ndarray) -> np.ndarray:
    """One erosion by a 3 x 3 square, pixel by pixel; outside the image nothing is mask."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    inner = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            inner[y, x] = padded[y : y + 3, x : x + 3].all()
    return inner


@given(seed=st.integers(0, 10**6), distance=st.integers(1, 4))
def test_it_equals_repeated_erosion(seed, distance):
    rng = np.random.default_rng(seed)
    mask = (rng.random(rng.integers(1, 16, 2)) < rng.choice([0.5, 0.95, 1])).astype(np.uint8)
    inner = mask
    for _ in range(distance):
        inner = eroded(inner)
    np.testing.assert_array_equal(mask_boundary(mask, distance), mask - inner)


def full_windows(mask: np.ndarray, distance: int, axis: int) -> np.ndarray:
    """Pixels whose 2 * distance + 1 neighbors along an axis are all in the mask, by sums over windows."""
    size = 2 * distance + 1
    padding = [(0, 0), (0, 0)]
    padding[axis] = (distance + 1, distance)
    count = np.cumsum(np.pad(mask, padding), axis=axis, dtype=np.int32)
    window = count.take(range(size, count.shape[axis]), axis) - count.take(range(count.shape[axis] - size), axis)
    return (window == size).astype(np.uint8)


def test_it_equals_sums_over_windows_on_large_masks():
    rng = np.random.default_rng(0)
    for distance in (1, 2, 7, 16):
        for share in (0.9, 0.999, 1.0):
            mask = (rng.random((rng.integers(1, 90), rng.integers(1, 120))) < share).astype(np.uint8)
            expected = mask - full_windows(full_windows(mask, distance, 0), distance, 1)
            np.testing.assert_array_equal(mask_boundary(mask, distance), expected, strict=True)


@given(seed=st.integers(0, 10**6))
def test_of_an_rle_it_is_that_of_the_whole_image(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((60, 80), dtype=np.uint8, order='F')  # width of the boundary: 2
    (y0, y1), (x0, x1) = np.sort(rng.integers(0, 61, 2)), np.sort(rng.integers(0, 81, 2))
    mask[y0:y1, x0:x1] = rng.random((y1 - y0, x1 - x0)) < 0.97
    expected = mask_boundary(np.ascontiguousarray(mask), 2)
    np.testing.assert_array_equal(mask_utils.decode(boundary_rle(mask_utils.encode(mask))), expected)


@pytest.mark.parametrize(('size', 'width'), [((480, 640), 16), ((10, 10), 1), ((1, 1), 1)])
def test_the_width_is_two_percent_of_the_diagonal(size, width):
    assert boundary_width(*size) == width
