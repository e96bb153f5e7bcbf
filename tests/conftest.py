"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import settings
from mmengine.registry import init_default_scope

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)

# fixtures of several rooms
from .annotation_files import _freeze_the_imports, load, write  # noqa: F401
from .evaluation_cases import as_detections, lvis_case, make_gt, random_gt  # noqa: F401

# examples are the same in every run, and a busy machine is no failure
settings.register_profile('repeatable', deadline=None, derandomize=True)
settings.load_profile('repeatable')


@pytest.fixture(autouse=True)
def mmdet_scope():
    """Look names up in mmdet's registries, as in a run; a test that runs a Runner leaves its own scope behind."""
    init_default_scope('mmdet')
    yield
    init_default_scope('mmdet')


RoIBatch = Callable[..., tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture
def roi_batch() -> RoIBatch:
    """Random logits and labels of RoIs; the first RoI is foreground and the last background, if there are two."""

    def make(
        num_rois: int = 7,
        num_classes: int = 5,
        *,
        extra_channels: int = 0,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        scale: float = 2.0,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        logits = scale * torch.randn(num_rois, num_classes + extra_channels, generator=generator, dtype=torch.float64)
        labels = torch.randint(num_classes + 1, (num_rois,), generator=generator)
        if num_rois > 1:
            labels[0], labels[-1] = num_classes // 2, num_classes
        return logits.to(dtype).requires_grad_(), labels

    return make
