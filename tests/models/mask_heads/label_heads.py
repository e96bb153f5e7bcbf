"""Pairs of our mask head and mmdet's with the same weights, and batches for them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from ..mmdet_names import TEMPERATURE

CLASSES, CHANNELS, SIZE = 7, 6, (60, 80)
PAIRS = {'LabelFCNMaskHead': 'FCNMaskHead', 'LabelHTCMaskHead': 'HTCMaskHead'}
PREDICTORS = {
    'conv': dict(type='Conv'),
    'no bias': dict(type='Conv', bias=False),
    'normed': dict(type='NormedConv2d'),
    'normed power': {'type': 'NormedConv2d', TEMPERATURE: 7.0, 'power': 0.5, 'eps': 1e-3},
    'normed kernel': dict(type='NormedConv2d', norm_over_kernel=True),
}
every_pair = pytest.mark.parametrize('ours', PAIRS)
every_predictor = pytest.mark.parametrize('predictor', PREDICTORS)
LOSS = dict(type='CrossEntropyLoss', use_mask=True, loss_weight=1.5)
TRAIN_CFG = ConfigDict(mask_size=28)


def build(type_, predictor='conv', **kwargs):
    sizes = dict(num_convs=1, in_channels=CHANNELS, conv_out_channels=CHANNELS, num_classes=CLASSES)
    return MODELS.build({'type': type_, **sizes, 'predictor_cfg': PREDICTORS[predictor], 'loss_mask': LOSS, **kwargs})


def pair(ours, predictor='conv', **kwargs):
    """Our head and mmdet's with the same weights, in float64."""
    torch.manual_seed(0)
    stock, mine = build(PAIRS[ours], predictor, **kwargs), build(ours, predictor, **kwargs)
    mine.load_state_dict(stock.state_dict(), strict=True)
    return mine.double(), stock.double()


def features(count, seed=0, dtype=torch.float64):
    return torch.randn(count, CHANNELS, 14, 14, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def training_batch(counts=(4, 3), classes=CLASSES):
    """RoIs of images with these numbers of positives; never of class 1."""
    generator = torch.Generator().manual_seed(1)
    sampled, truth = [], []
    for count in counts:
        corners = torch.rand(max(count, 1), 2, 2, generator=generator).sort(dim=1).values * 40
        boxes = corners.flatten(1) + torch.tensor([0.0, 0, 9, 9])
        masks = torch.rand(max(count, 1), *SIZE, generator=generator) > 0.5
        labels = torch.randint(2, classes, (count,), generator=generator)
        sampled.append(
            SimpleNamespace(pos_priors=boxes[:count], pos_assigned_gt_inds=torch.arange(count), pos_gt_labels=labels)
        )
        truth.append(InstanceData(masks=BitmapMasks(masks.numpy().astype(np.uint8), *SIZE)))
    return sampled, truth


def forward(head, x):
    return head(x, return_feat=False) if 'HTC' in type(head).__name__ else head(x)


def loss_and_gradients(head, x, batch):
    x = x.clone().requires_grad_()
    head.zero_grad()
    out = head.loss_and_target(forward(head, x), *batch, TRAIN_CFG)
    out['loss_mask']['loss_mask'].sum().backward()
    return out, {'x': x.grad, **{name: parameter.grad for name, parameter in head.named_parameters()}}
