"""The whole of LOCE in a small detector: the memory is filled first, then each step stores, draws and trains."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from torch.utils.data import DataLoader

from longtail_det.engine import FillBankHook

from ..bbox_heads.test_whole_detector import BASE, batch


@pytest.fixture
def detector():
    model = Config.fromfile(BASE).model
    model.backbone.update(depth=18, init_cfg=None)
    model.neck.update(in_channels=[64, 128, 256, 512], out_channels=16)
    model.rpn_head.update(in_channels=16, feat_channels=16)
    roi = model.roi_head
    for extractor in (roi.bbox_roi_extractor, roi.mask_roi_extractor):
        extractor.out_channels = 16
    roi.type = 'LOCERoIHead'
    roi.bbox_head.update(type='LOCEBBoxHead', in_channels=16, fc_out_channels=32, num_classes=7)
    roi.bbox_head.loss_cls = dict(type='EBL', num_classes=7)
    roi.mask_head.update(num_convs=1, in_channels=16, conv_out_channels=16, num_classes=7)
    torch.manual_seed(0)
    detector = MODELS.build(model)
    detector.init_weights()
    return detector.train()


def items():
    inputs, samples = batch()
    return [dict(inputs=image, data_samples=sample) for image, sample in zip(inputs, samples, strict=True)]


def collate(batch):
    return dict(inputs=[item['inputs'] for item in batch], data_samples=[item['data_samples'] for item in batch])


def test_one_pass_fills_the_memory_with_sixteen_boxes_of_each_object(detector):
    loader = DataLoader(items(), batch_size=1, collate_fn=collate)
    hook, runner = FillBankHook(), SimpleNamespace(model=detector, train_dataloader=loader)
    hook.before_train(runner)
    bank = detector.roi_head.bbox_head.bank
    assert bank.counts.tolist() == [16, 0, 0, 16, 0, 16, 0]
    stored = bank.features.clone()
    hook.before_train(runner)
    torch.testing.assert_close(bank.features, stored, rtol=0, atol=0)


def test_a_step_stores_first_and_then_trains(detector):
    inputs, samples = batch()
    losses = detector.loss(inputs, samples)
    assert detector.roi_head.bbox_head.bank.counts.tolist() == [16, 0, 0, 16, 0, 16, 0]
    assert all(torch.as_tensor(value).isfinite().all() for values in losses.values() for value in
               (values if isinstance(values, list) else [values]))  # fmt: skip
    losses['loss_cls'].backward()
    assert (detector.roi_head.bbox_head.loss_cls.mean_score[[0, 3, 5]] != 0.01).all()


def test_a_test_stores_nothing(detector):
    inputs, samples = batch()
    detector.eval()
    with torch.no_grad():
        detector.predict(inputs, samples)
    assert not detector.roi_head.bbox_head.bank.counts.any()


def test_a_detector_without_a_memory_is_named():
    runner = SimpleNamespace(model=torch.nn.Linear(1, 1), train_dataloader=None)
    with pytest.raises(ValueError, match='NoneType stores no objects; set type=LOCERoIHead'):
        FillBankHook().before_train(runner)
