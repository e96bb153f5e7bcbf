"""Jittered boxes: one for each pattern of signs, within a sixth of the size, inside the image."""

from __future__ import annotations

import torch

from longtail_det.models.memory import NUM_JITTERED, jittered_boxes


def test_each_pattern_of_signs_once_and_no_shift_above_a_sixth():
    torch.manual_seed(0)
    boxes = torch.tensor([[100.0, 200, 160, 320], [50, 60, 62, 66]])
    moved = jittered_boxes(boxes, (1000, 1000))
    assert moved.shape == (2, NUM_JITTERED, 4)
    shifts = moved - boxes[:, None]
    for own in shifts:
        assert len({tuple(row) for row in own.sign().tolist()}) == NUM_JITTERED
    limits = torch.tensor([[10.0, 20, 10, 20], [2, 1, 2, 1]])
    assert (shifts.abs() <= limits[:, None] + 1e-4).all()
    assert (shifts.abs().amax(1) > 0.6 * limits).all()


def test_boxes_stay_in_the_image_and_keep_an_area():
    torch.manual_seed(0)
    moved = jittered_boxes(torch.tensor([[0.0, 0, 30, 20], [10, 5, 40, 20]]), (20, 40))
    assert (moved >= 0).all()
    assert (moved <= torch.tensor([40.0, 20, 40, 20])).all()
    assert ((moved[..., 2:] - moved[..., :2]) > 0).all()


def test_no_object_gives_no_box():
    assert jittered_boxes(torch.zeros(0, 4), (20, 40)).shape == (0, NUM_JITTERED, 4)
