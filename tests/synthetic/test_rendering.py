from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from longtail_det.synthetic import rendering
from longtail_det.synthetic.characters import choose_characters
from longtail_det.synthetic.records import annotation_record
from longtail_det.synthetic.rendering import render_image

CHARACTERS = choose_characters(80)
LUMA = np.array([0.114, 0.587, 0.299])


def draw(seed: int, num_glyphs: int = 4, size: int = 128):
    rng = np.random.default_rng(seed)
    classes = rng.integers(len(CHARACTERS), size=num_glyphs)
    return classes, *render_image(classes, CHARACTERS, size, rng)


@pytest.mark.parametrize(('num_glyphs', 'size'), [(0, 128), (1, 64), (6, 128), (40, 256), (60, 128)])
def test_every_glyph_is_drawn_whole_and_no_two_boxes_meet(num_glyphs, size):
    classes, image, glyphs = draw(0, num_glyphs, size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert [glyph.class_index for glyph in glyphs] == classes.tolist()
    taken = np.zeros((size, size), dtype=int)
    for glyph in glyphs:
        height, width = glyph.coverage.shape
        taken[glyph.top : glyph.top + height, glyph.left : glyph.left + width] += 1
        assert glyph.mask.any()
        assert not glyph.mask[[0, -1]].any(), 'a margin stays free'
        assert glyph.top + height <= size
        assert glyph.left + width <= size
    assert taken.max(initial=0) <= 1


def test_polygons_lie_on_the_pixels_that_show_the_glyph(monkeypatch):
    """On flat ground without noise, the visible pixels are found in the image itself."""
    ground = np.full((128, 128, 3), 128, dtype=np.float32)
    monkeypatch.setattr(rendering, '_background', lambda size, rng: ground.copy())
    monkeypatch.setattr(rendering, '_NOISE', 0.0)
    overlaps = []
    for seed in range(40):
        _, image, (glyph,) = draw(seed, num_glyphs=1)
        change = np.abs(image.astype(float) - 128) @ LUMA
        visible = change > change.max() / 2
        polygons = annotation_record(1, 1, 128, glyph)['segmentation']
        mask = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 128, 128))).astype(bool)
        overlaps.append((visible & mask).sum() / (visible | mask).sum())
    assert np.mean(overlaps) > 0.95
    assert min(overlaps) > 0.85


def test_glyphs_stand_out_from_the_ground():
    for seed in range(10):
        _, image, glyphs = draw(seed, num_glyphs=3)
        for glyph in glyphs:
            height, width = glyph.coverage.shape
            region = image[glyph.top : glyph.top + height, glyph.left : glyph.left + width] @ LUMA
            assert abs(region[glyph.coverage > 0.9].mean() - region[glyph.coverage == 0].mean()) > 45


def test_the_ground_is_textured():
    _, image, _ = draw(0, num_glyphs=0)
    assert image.std(axis=(0, 1)).min() > 3


def test_poses_sizes_and_colors_differ():
    rng = np.random.default_rng(0)
    image, glyphs = render_image([5] * 8, CHARACTERS, 256, rng)
    assert len({glyph.mask.shape for glyph in glyphs}) == 8
    assert len({image[g.top : g.top + 20, g.left : g.left + 20].tobytes() for g in glyphs}) == 8
