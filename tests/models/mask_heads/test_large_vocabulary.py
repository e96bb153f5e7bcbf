"""At 13204 classes a step of the mask head takes the memory of its parameters' gradient, not of all masks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from ...torch_versions import peak_memory

CLASSES, CHANNELS, ROIS = 13204, 32, 24
MEBI = 2**20
#: what (ROIS, CLASSES, 28, 28) logits alone would take
DENSE = ROIS * CLASSES * 28 * 28 * 4


@pytest.fixture(params=['Conv', 'NormedConv2d'])
def head(request):
    torch.manual_seed(0)
    sizes = dict(num_convs=1, in_channels=CHANNELS, conv_out_channels=CHANNELS, num_classes=CLASSES)
    loss = dict(type='CrossEntropyLoss', use_mask=True)
    return MODELS.build(dict(type='LabelFCNMaskHead', predictor_cfg=dict(type=request.param), loss_mask=loss, **sizes))


def test_training(head):
    boxes = torch.tensor([[10.0, 10, 50, 60]]).repeat(ROIS, 1)
    labels = torch.linspace(0, CLASSES - 1, ROIS).long()
    sampled = [SimpleNamespace(pos_priors=boxes, pos_assigned_gt_inds=torch.arange(ROIS), pos_gt_labels=labels)]
    truth = [InstanceData(masks=BitmapMasks(np.ones((ROIS, 64, 64), dtype=np.uint8), 64, 64))]
    x = torch.randn(ROIS, CHANNELS, 14, 14)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.2)
    losses = []

    def step():
        optimizer.zero_grad()
        loss = head.loss_and_target(head(x), sampled, truth, ConfigDict(mask_size=28))['loss_mask']['loss_mask'].sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert peak_memory(step) < 24 * MEBI < DENSE / 30
    for _ in range(6):
        step()
    assert losses[-1] < losses[0]


def test_prediction(head):
    boxes = torch.rand(ROIS, 2, 2).sort(dim=1).values.mul(torch.tensor([1333.0, 800])).flatten(1)
    labels = torch.linspace(0, CLASSES - 1, ROIS).long()
    x = torch.randn(ROIS, CHANNELS, 14, 14)
    meta = dict(ori_shape=(800, 1333), scale_factor=(1.0, 1.0))
    results = []

    @torch.no_grad()
    def step():
        result = InstanceData(bboxes=boxes.clone(), labels=labels)
        masks = head(x).split([ROIS], 0)
        results.extend(head.predict_by_feat(masks, [result], [meta], ConfigDict(mask_thr_binary=0.5)))

    # nor are the full images there: ROIS x 800 x 1333 is 24 MiB
    assert peak_memory(step) < 32 * MEBI < DENSE / 20
    assert results[0].masks.shape == (ROIS, 800, 1333)
    assert results[0].masks.numpy().any()
