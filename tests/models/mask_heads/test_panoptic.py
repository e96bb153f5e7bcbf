"""mmdet's Panoptic FPN with a label mask head: losses and segments are those of mmdet's mask head."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.structures import PixelData

from .test_detectors import NUM_CLASSES, SIDE, batch, config

STUFF = 3


def panoptic_config(ours, score_thr):
    cfg = config('PanopticFPN', ours)
    cfg.semantic_head = dict(
        type='PanopticFPNHead',
        num_things_classes=NUM_CLASSES,
        num_stuff_classes=STUFF,
        in_channels=64,
        inner_channels=32,
        start_level=0,
        end_level=4,
        norm_cfg=dict(type='GN', num_groups=8),
    )
    cfg.panoptic_fusion_head = dict(type='HeuristicFusionHead', num_things_classes=NUM_CLASSES, num_stuff_classes=STUFF)
    cfg.test_cfg.rcnn.update(score_thr=score_thr, nms=dict(type='nms', iou_threshold=0.3, class_agnostic=True))
    cfg.test_cfg.panoptic = dict(mask_overlap=0.8, stuff_area_limit=16)
    return cfg


def build_pair(score_thr=0.1):
    torch.manual_seed(0)
    stock = MODELS.build(panoptic_config(ours=False, score_thr=score_thr))
    stock.init_weights()
    ours = MODELS.build(panoptic_config(ours=True, score_thr=score_thr))
    ours.load_state_dict(stock.state_dict(), strict=True)
    return ours.eval(), stock.eval()


def segments(model, rescale):
    inputs, samples = batch()
    with torch.no_grad():
        found = model.predict(inputs / 64, samples, rescale=rescale)
    return [sample.pred_panoptic_seg.sem_seg for sample in found]


@pytest.mark.parametrize('rescale', [True, False])
def test_segments(rescale):
    ours, stock = build_pair()
    encoded = segments(ours, rescale)
    ours.roi_head.mask_head.encode_masks = False
    for mine, plain, theirs in zip(encoded, segments(ours, rescale), segments(stock, rescale), strict=True):
        assert torch.equal(mine, plain)
        # a pixel whose value is the threshold up to rounding may turn
        assert (mine != theirs).sum() <= 2
        assert len(mine.unique()) > 3 + STUFF


def test_no_detection():
    ours, stock = build_pair(score_thr=2.0)
    for mine, theirs in zip(segments(ours, True), segments(stock, True), strict=True):
        assert torch.equal(mine, theirs)


def test_losses():
    found = []
    for model in build_pair():
        torch.manual_seed(2)  # of the samplers
        inputs, samples = copy.deepcopy(batch())
        for sample in samples:
            stuff = torch.arange(SIDE * SIDE).view(1, SIDE, SIDE) % (NUM_CLASSES + STUFF)
            sample.gt_sem_seg = PixelData(sem_seg=stuff)
        found.append(model.parse_losses(model.train().loss(inputs / 64, samples))[1])
    for name, loss in found[1].items():
        torch.testing.assert_close(found[0][name], loss)
