"""Bins of a RoI average the pixels that RoIAlign averages."""

from __future__ import annotations

import numpy as np
import torch
from mmcv.ops import roi_align

from longtail_det.datasets.masks.pixel_map import PixelMap
from longtail_det.datasets.masks.roi_averages import average_bins
from longtail_det.datasets.masks.run_lengths import encode_mask


def test_average_bins_is_roi_align():
    rng = np.random.default_rng(0)
    pixels = (rng.random((3, 50, 60)) < 0.5).astype(np.uint8)
    corners = np.sort(rng.uniform(-8, 68, (64, 2, 2)), axis=1)  # some reach beyond the image
    boxes, owners = corners.reshape(-1, 4).astype(np.float32), rng.integers(3, size=64)
    found = average_bins([encode_mask(m, 50, 60) for m in pixels], PixelMap.identity(50, 60), owners, boxes, (7, 9))
    rois = torch.cat([torch.tensor(owners)[:, None], torch.tensor(boxes)], dim=1)
    expected = roi_align(torch.tensor(pixels)[:, None].float(), rois.float(), (7, 9), 1.0, 0, 'avg', True)
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-5)


def test_a_full_mask_fills_its_inner_bins():
    mask = encode_mask(np.ones((20, 20), dtype=np.uint8), 20, 20)
    boxes = np.array([[0, 0, 20, 20], [3.3, 4.4, 9.1, 17.7]], dtype=np.float32)
    averages = average_bins([mask], PixelMap.identity(20, 20), np.zeros(2, dtype=int), boxes, (5, 5))
    np.testing.assert_allclose(averages, 1, atol=1e-6)
