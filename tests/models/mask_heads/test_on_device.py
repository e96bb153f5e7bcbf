"""Mask head and detections on a CUDA device: losses, gradients and results of the CPU, in half precision too."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from longtail_det.models.layers import multiclass_nms

pytestmark = pytest.mark.cuda
NUM_CLASSES = 20


def make_head():
    torch.manual_seed(0)
    loss = dict(type='CrossEntropyLoss', use_mask=True)
    sizes = dict(num_convs=1, in_channels=8, conv_out_channels=8)
    return MODELS.build(dict(type='LabelFCNMaskHead', num_classes=NUM_CLASSES, loss_mask=loss, **sizes))


def train(head, x, labels, targets):
    """Loss, and the gradients of all parameters."""
    head.get_targets = lambda *args, **kwargs: targets
    loss = head.loss_and_target(head(x), [SimpleNamespace(pos_gt_labels=labels)], None, None)['loss_mask']['loss_mask']
    return [loss.detach(), *torch.autograd.grad(loss.sum(), list(head.parameters()))]


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 8, 14, 14, generator=generator)
    labels = torch.randint(NUM_CLASSES, (12,), generator=generator)
    return x, labels, torch.rand(12, 28, 28, generator=generator).round()


def test_a_training_step_is_that_of_the_cpu(device, batch):
    head = make_head()
    expected = train(head, *batch)
    found = train(copy.deepcopy(head).to(device), *(part.to(device) for part in batch))
    torch.testing.assert_close(found, expected, check_device=False, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_mixed_precision_trains(dtype, device, batch):
    expected = train(make_head(), *batch)[0]
    with torch.autocast(device, dtype=dtype):
        loss, *gradients = train(make_head().to(device), *(part.to(device) for part in batch))
    torch.testing.assert_close(loss.float().cpu(), expected, rtol=0.02, atol=0.02)
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_predicted_masks_are_those_of_the_cpu_but_for_the_border(device, batch):
    head, (x, labels, _) = make_head().eval(), batch
    corners = 80 * torch.rand(12, 2, generator=torch.Generator().manual_seed(1))
    boxes = torch.cat([corners, corners + 60], dim=1)
    meta = [dict(ori_shape=(150, 150), scale_factor=(1.0, 1.0))]
    masks = []
    for where in ('cpu', device):
        results = InstanceData(bboxes=boxes.to(where).clone(), labels=labels.to(where))
        with torch.no_grad():
            logits = copy.deepcopy(head).to(where)(x.to(where))
            found = head.predict_by_feat([logits], [results], meta, ConfigDict(mask_thr_binary=0.5))[0].masks
        masks.append(torch.from_numpy(found.numpy()))
    # as mmdet does, a GPU also pastes what bilinear sampling puts around the box
    assert (masks[0] != masks[1]).float().mean() < 0.01
    assert masks[0].any()


@pytest.mark.parametrize('columns', [1, NUM_CLASSES])
def test_detections_are_those_of_the_cpu(columns, device):
    generator = torch.Generator().manual_seed(0)
    corners = 200 * torch.rand(300, columns, 2, generator=generator)
    boxes = torch.cat([corners, corners + 60 * torch.rand(300, columns, 2, generator=generator)], dim=2).flatten(1)
    scores = torch.randn(300, NUM_CLASSES + 1, generator=generator).mul(3).softmax(1)
    arguments = (0.01, dict(type='nms', iou_threshold=0.5), 100)
    expected = multiclass_nms(boxes, scores, *arguments, return_inds=True)
    found = multiclass_nms(boxes.to(device), scores.to(device), *arguments, return_inds=True)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs)
