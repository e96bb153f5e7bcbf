"""Masks pasted crop by crop have exactly the pixels, and so the encoding, of mmdet's full images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail_det.functional.ops import encode_runs, mask_paste, paste_runs

paste = pytest.importorskip('mmdet.models.roi_heads.mask_heads.fcn_mask_head')._do_paste_mask
encode_mask_results = pytest.importorskip('mmdet.structures.mask').encode_mask_results
HEIGHT, WIDTH = 37, 53


def stock_images(probs, boxes, threshold, near_box, size=(HEIGHT, WIDTH)):
    """mmdet's paste, one mask after the other as it does on a CPU; `near_box=False` is its arithmetic on a GPU."""
    images = torch.zeros(len(boxes), *size, dtype=torch.bool)
    for index in range(len(boxes)):
        part = slice(index, index + 1)
        values, place = paste(probs[part], boxes[part], *size, skip_empty=near_box)
        images[(part, *place)] = values >= threshold
    return images.numpy()


def ours(probs, boxes, threshold, near_box, size=(HEIGHT, WIDTH)):
    runs = paste_runs(probs, boxes, *size, threshold=threshold, near_box=near_box)
    return encode_runs(*runs, num_masks=len(boxes), num_pixels=size[0] * size[1])


def assert_same(probs, boxes, threshold, near_box, size=(HEIGHT, WIDTH)):
    expected = encode_mask_results(stock_images(probs, boxes, threshold, near_box, size))
    assert ours(probs, boxes, threshold, near_box, size) == [rle['counts'] for rle in expected]


def random_probs(generator, count, side=28):
    """Smooth blobs, some quantized so that values meet the threshold exactly, some constant."""
    coarse = 4 * torch.randn(count, 1, 4, 4, generator=generator)
    probs = torch.nn.functional.interpolate(coarse, size=(side, side), mode='bilinear').sigmoid()
    probs[1::4] = (4 * probs[1::4]).round() / 4
    probs[2::4] = probs[2::4].mean(dim=(2, 3), keepdim=True).round()
    return probs


def random_boxes(generator, count, meeting=True):
    """Inside, across the borders, without area, a pixel, the whole image and larger."""
    center = torch.rand(count, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    size = torch.exp(4 * torch.rand(count, 2, generator=generator) - 0.5)
    boxes = torch.cat([center - size / 2, center + size / 2], dim=1)
    boxes[1::7] = boxes[1::7].round()
    boxes[2::7, 2] = boxes[2::7, 0]
    boxes[3::7, 2:] = boxes[3::7, :2] = boxes[3::7, :2].round() + 0.5
    boxes[4::7, 2:] = boxes[4::7, :2] + 1
    boxes[5::7] = torch.tensor([0.0, 0, WIDTH, HEIGHT])
    if meeting:  # mmdet's CPU path fails on a box that is more than two pixels outside
        boxes[:, :2] = torch.minimum(boxes[:, :2], boxes.new_tensor([WIDTH, HEIGHT]))
        boxes[:, 2:] = torch.maximum(boxes[:, 2:], boxes.new_zeros(2))
    return boxes


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.integers(0, 24), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), st.booleans())
def test_equals_the_encoding_of_mmdets_images(seed, count, threshold, near_box):
    generator = torch.Generator().manual_seed(seed)
    probs, boxes = random_probs(generator, count), random_boxes(generator, count, meeting=near_box)
    assert_same(probs, boxes, threshold, near_box)


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40), st.integers(1, 9))
def test_any_image_and_mask_size(seed, height, width, side):
    generator = torch.Generator().manual_seed(seed)
    probs = random_probs(generator, 6, side)
    corners = torch.rand(6, 2, 2, generator=generator).sort(dim=1).values * torch.tensor([width, height])
    assert_same(probs, corners.flatten(1), 0.5, near_box=True, size=(height, width))


@pytest.mark.parametrize('near_box', [False, True])
@pytest.mark.parametrize(
    'box',
    [
        [-20.0, -8, 15, 12],
        [40.0, 30, 90, 70],
        [-30.0, -30, 90, 90],
        [0.0, 0, WIDTH, HEIGHT],
        [7.0, 9, 8, 10],
        [7.2, 9.4, 7.3, 9.5],
        [7.5, 9.5, 7.5, 20],
        [7.25, 9.25, 7.25, 9.25],
        [0.0, 5, 0, 5],
        [WIDTH, HEIGHT, WIDTH, HEIGHT],
        [12.0, 5, 12 + 1e-38, 30],
        [0.5, 0, 3, HEIGHT],
    ],
)
def test_a_box(box, near_box):
    for probs in (torch.ones(1, 1, 28, 28), torch.zeros(1, 1, 28, 28), random_probs(torch.Generator(), 1)):
        assert_same(probs, torch.tensor([box]), 0.5, near_box)


@pytest.mark.parametrize('near_box', [False, True])
def test_outside_and_undefined_boxes_hold_nothing(near_box):
    boxes = torch.tensor([[60.0, 5, 70, 9], [-30, 5, -20, 9], [5, 50, 9, 60], [20, 20, 10, 10], [float('nan')] * 4])
    if not near_box:
        boxes = boxes[[0, 1, 2, 4]]
    assert ours(torch.ones(len(boxes), 1, 28, 28), boxes, 0.5, near_box) == ours(
        torch.zeros(len(boxes), 1, 28, 28), torch.zeros(len(boxes), 4), 0.5, True
    )


def test_a_gpu_pastes_up_to_half_a_mask_cell_around_the_box():
    probs, box = torch.ones(1, 1, 3, 3), torch.tensor([[15.0, 12, 39, 27]])
    assert_same(probs, box, 0.1, near_box=False)
    assert ours(probs, box, 0.1, near_box=False) != ours(probs, box, 0.1, near_box=True)


@pytest.mark.parametrize('device_pixels', [1, 100, 2**20])
def test_grouping_changes_nothing(device_pixels, monkeypatch):
    generator = torch.Generator().manual_seed(3)
    probs, boxes = random_probs(generator, 30), random_boxes(generator, 30)
    expected = ours(probs, boxes, 0.4, True)
    monkeypatch.setitem(mask_paste._GROUP_PIXELS, 'cpu', device_pixels)
    monkeypatch.setattr(mask_paste, '_GROUP_OVERHEAD', device_pixels)
    assert ours(probs, boxes, 0.4, True) == expected


def test_the_order_is_that_of_the_masks():
    generator = torch.Generator().manual_seed(4)
    probs, boxes = random_probs(generator, 20), random_boxes(generator, 20)
    order = torch.randperm(20, generator=generator)
    together = ours(probs, boxes, 0.5, True)
    assert ours(probs[order], boxes[order], 0.5, True) == [together[index] for index in order]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_probabilities(dtype):
    generator = torch.Generator().manual_seed(5)
    assert_same(random_probs(generator, 12).to(dtype), random_boxes(generator, 12), 0.5, near_box=True)


def test_runs_are_sorted_and_do_not_touch():
    probs, boxes = torch.ones(3, 1, 28, 28), torch.tensor([[0.0, 0, WIDTH, HEIGHT], [-60, -60, 99, 99], [3, 3, 9, 9]])
    owner, start, end = paste_runs(probs, boxes, HEIGHT, WIDTH, threshold=0.5, near_box=True)
    assert (np.diff(owner) >= 0).all()
    assert (end > start).all()
    same = owner[:-1] == owner[1:]
    assert (start[1:][same] > end[:-1][same]).all()
    # a full image is one run, not one a column
    assert (owner == 1).sum() == 1
