from __future__ import annotations

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from longtail_det.synthetic.polygons import mask_to_polygons


def canvas(*boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    mask = np.zeros((40, 40), dtype=np.uint8)
    for left, top, right, bottom, value in boxes:
        mask[top:bottom, left:right] = value
    return mask


SHAPES = {
    'square': canvas((4, 4, 36, 36, 1)),
    'one hole': canvas((4, 4, 36, 36, 1), (12, 14, 26, 30, 0)),
    'three holes': canvas((2, 2, 38, 38, 1), (5, 5, 12, 12, 0), (24, 6, 34, 20, 0), (8, 26, 30, 33, 0)),
    'two parts': canvas((2, 2, 16, 36, 1), (22, 4, 36, 20, 1)),
    'island in a hole': canvas((2, 2, 38, 38, 1), (8, 8, 32, 32, 0), (14, 14, 26, 26, 1)),
}


def rasterized(polygons: list[list[float]], height: int, width: int) -> np.ndarray:
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width)))


@pytest.mark.parametrize('name', SHAPES)
def test_pycocotools_gives_the_mask_back(name):
    mask = SHAPES[name]
    np.testing.assert_array_equal(rasterized(mask_to_polygons(mask, 1, 0, 0), 40, 40), mask)


@pytest.mark.parametrize('name', SHAPES)
def test_even_odd_filling_gives_the_mask_back(name):
    """Other readers than pycocotools see the same shape: the bridges have no width."""
    mask = SHAPES[name]
    drawn = np.zeros((40 * 8, 40 * 8), dtype=np.uint8)
    corners = [np.array(p).reshape(-1, 2) * 8 for p in mask_to_polygons(mask, 1, 0, 0)]
    cv2.fillPoly(drawn, [c.astype(np.int32) for c in corners], 1)
    np.testing.assert_array_equal(drawn[4::8, 4::8], mask)


def test_a_polygon_a_part_and_three_points_a_polygon():
    assert {name: len(mask_to_polygons(mask, 1, 0, 0)) for name, mask in SHAPES.items()} == {
        'square': 1, 'one hole': 1, 'three holes': 1, 'two parts': 2, 'island in a hole': 2,
    }  # fmt: skip
    assert all(len(p) >= 6 and len(p) % 2 == 0 for mask in SHAPES.values() for p in mask_to_polygons(mask, 1, 0, 0))


def test_the_polygon_is_placed_and_scaled():
    polygon = np.array(mask_to_polygons(SHAPES['square'], subpixels=4, left=100, top=50)[0]).reshape(-1, 2)
    assert polygon.min(axis=0).tolist() == [101, 51]
    assert polygon.max(axis=0).tolist() == [109, 59]


def test_specks_and_empty_masks_give_nothing():
    assert mask_to_polygons(canvas(), 4, 0, 0) == []
    assert mask_to_polygons(canvas((5, 5, 7, 7, 1)), 4, 0, 0) == []
