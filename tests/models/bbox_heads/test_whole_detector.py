"""A detector with our box heads has the losses, gradients and detections of the one with mmdet's, same weights."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.structures import InstanceData

BASE = Path(__file__).parents[3] / 'configs' / '_base_' / 'models' / 'mask-rcnn_r50_fpn.py'
NUM_CLASSES = 7
SIZE = 96
KINDS = ['StandardRoIHead', 'CascadeRoIHead', 'HybridTaskCascadeRoIHead']


def build(kind, head_type):
    """A small Mask R-CNN, Cascade Mask R-CNN or HTC with class-specific regression."""
    model = Config.fromfile(BASE).model
    model.backbone.update(depth=18, init_cfg=None)
    model.neck.update(in_channels=[64, 128, 256, 512], out_channels=16)
    model.rpn_head.update(in_channels=16, feat_channels=16)
    model.train_cfg.rpn_proposal.max_per_img = 60
    model.test_cfg.rpn.max_per_img = 60
    # low enough that no foreground RoI would be a rare event for an untrained RPN
    model.test_cfg.rcnn.update(score_thr=0.01, max_per_img=30)
    roi = model.roi_head
    for extractor in (roi.bbox_roi_extractor, roi.mask_roi_extractor):
        extractor.out_channels = 16
    roi.bbox_head.update(type=head_type, in_channels=16, fc_out_channels=32, num_classes=NUM_CLASSES)
    roi.mask_head.update(num_convs=1, in_channels=16, conv_out_channels=16, num_classes=NUM_CLASSES)
    if kind != 'StandardRoIHead':
        roi.update(type=kind, num_stages=2, stage_loss_weights=[1, 0.5], bbox_head=[roi.bbox_head] * 2)
        model.train_cfg.rcnn = [copy.deepcopy(model.train_cfg.rcnn) for _ in range(2)]
        model.train_cfg.rcnn[1].assigner.update(pos_iou_thr=0.6, neg_iou_thr=0.6, min_pos_iou=0.6)
    if kind == 'HybridTaskCascadeRoIHead':
        model.type = 'HybridTaskCascade'
        roi.update(interleaved=True, mask_info_flow=True)
        roi.mask_head = [{**roi.mask_head, 'type': 'HTCMaskHead', 'with_conv_res': i > 0} for i in range(2)]
    torch.manual_seed(0)
    detector = MODELS.build(model)
    detector.init_weights()
    for name, parameter in detector.named_parameters():
        if 'fc_cls.weight' in name:
            torch.nn.init.normal_(parameter, std=0.5)
        elif 'fc_reg.weight' in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return detector


def batch():
    images = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    samples = []
    for boxes, labels in ([[8, 8, 50, 50], [30, 40, 90, 88]], [0, 5]), ([[20, 10, 70, 60]], [3]):
        masks = np.zeros((len(boxes), SIZE, SIZE), dtype=np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
            mask[y1:y2, x1:x2] = 1
        shape = dict(img_shape=(SIZE, SIZE), ori_shape=(48, 48), scale_factor=(2.0, 2.0), pad_shape=(SIZE, SIZE))
        sample = DetDataSample(metainfo=shape)
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes, dtype=torch.float32),
            labels=torch.tensor(labels),
            masks=BitmapMasks(masks, SIZE, SIZE),
        )
        samples.append(sample)
    return images, samples


@pytest.mark.parametrize('kind', KINDS)
def test_losses_gradients_and_detections(kind):
    theirs, ours = build(kind, 'Shared2FCBBoxHead'), build(kind, 'LongTailBBoxHead')
    ours.load_state_dict(theirs.state_dict())
    images, samples = batch()
    results = []
    for detector in (theirs, ours):
        torch.manual_seed(1)  # mmdet samples RoIs at random
        losses = detector.loss(images, copy.deepcopy(samples))
        detector.parse_losses(losses)[0].backward()
        gradients = {name: p.grad for name, p in detector.named_parameters()}
        detector.eval()
        with torch.no_grad():
            detections = [one.pred_instances for one in detector.predict(images, copy.deepcopy(samples))]
        results.append((losses, gradients, detections))
    (expected_losses, expected_gradients, expected), (losses, gradients, found) = results
    torch.testing.assert_close(losses, expected_losses)
    torch.testing.assert_close(gradients, expected_gradients, rtol=1e-4, atol=1e-5)
    assert any(gradient.any() for name, gradient in gradients.items() if 'fc_reg' in name)
    for one, other in zip(found, expected, strict=True):
        assert len(one) == len(other) > 10
        assert torch.equal(one.labels, other.labels)
        assert np.array_equal(one.masks, other.masks)
        torch.testing.assert_close(one.scores, other.scores)
        torch.testing.assert_close(one.bboxes, other.bboxes, rtol=1e-5, atol=1e-4)
