"""Targets of a mask head from deferred masks, for RoIs that are on a CUDA device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.mask import mask_target
from mmengine.config import ConfigDict

from longtail_det.datasets import DeferredMasks

from .cases import random_image, random_rois

pytestmark = pytest.mark.cuda


def test_targets_are_those_of_the_cpu(device):
    rng = np.random.default_rng(0)
    masks, pixels = random_image(rng)
    deferred = DeferredMasks(masks, pixels.height, pixels.width)
    boxes, owners = (torch.as_tensor(part) for part in random_rois(rng, pixels, 24))
    cfg = ConfigDict(mask_size=28)
    expected = mask_target([boxes], [owners], [deferred], cfg)
    found = mask_target([boxes.to(device)], [owners.to(device)], [deferred], cfg)
    assert found.device.type == device
    assert torch.equal(found.cpu(), expected)
