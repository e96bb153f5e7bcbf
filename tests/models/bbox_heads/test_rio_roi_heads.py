"""RIOBBoxHead in mmdet's standard, Cascade and HTC RoI heads, with each loss: train two steps, then predict."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from longtail_det.models import losses as our_losses

NUM_CLASSES = 6
TARGETS = [0, 4]
STATISTICS = dict(image_count=[3, 10, 40, 100, 101, 800], instance_count=[900] * 6, num_images=1000)
COUNTS = dict(class_statistics=STATISTICS)
ARGUMENTS = {
    'EQL': dict(lambda_=0.05, **COUNTS),
    'DropLoss': dict(lambda_=0.05, **COUNTS),
    'GAP': dict(base=dict(type='EQLv2')),
    'PCB': dict(base=dict(type='SeesawLoss'), alpha=0.05, start_epoch=0),
}
NEED_COUNTS = ('ACSL', 'ClassRelativeActivations', 'ECMLoss', 'FedLoss', 'GroupSoftmax', 'IIFLoss', 'LogitAdjustedCE')
ARGUMENTS |= dict.fromkeys(NEED_COUNTS, COUNTS)
LOSSES = {
    kind.__name__: dict(type=kind.__name__, num_classes=NUM_CLASSES, **ARGUMENTS.get(kind.__name__, {}))
    for kind in our_losses.ROI_LOSSES
}
LOSSES['CrossEntropyLoss'] = dict(type='CrossEntropyLoss')
ROI_HEADS = {'StandardRoIHead': 1, 'CascadeRoIHead': 2, 'HybridTaskCascadeRoIHead': 2}
TEST_CFG = dict(score_thr=1e-4, nms=dict(type='nms', iou_threshold=0.5), max_per_img=20, mask_thr_binary=0.5)
ASSIGNER = dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False)
SAMPLER = dict(type='RandomSampler', num=16, pos_fraction=0.5, add_gt_as_proposals=True)


def extractor(size):
    layer = dict(type='RoIAlign', output_size=size, sampling_ratio=2)
    return dict(type='SingleRoIExtractor', roi_layer=layer, out_channels=4, featmap_strides=[8])


def build(type_, loss, reg_class_agnostic):
    bbox_head = dict(
        type='RIOBBoxHead',
        bank=dict(target_classes=TARGETS),
        in_channels=4,
        fc_out_channels=16,
        num_classes=NUM_CLASSES,
        reg_class_agnostic=reg_class_agnostic,
        cls_predictor_cfg=dict(type='CosineLinear', temperature=8.0),
        loss_cls=LOSSES[loss],
        loss_bbox=dict(type='L1Loss'),
    )
    stages = ROI_HEADS[type_]
    train_cfg = dict(assigner=ASSIGNER, sampler=SAMPLER, mask_size=28, pos_weight=-1)
    config = dict(type=type_, bbox_roi_extractor=extractor(7), test_cfg=TEST_CFG)
    if stages == 1:
        config.update(bbox_head=bbox_head, train_cfg=train_cfg)
    else:
        config.update(num_stages=stages, stage_loss_weights=[1.0] * stages)
        config.update(bbox_head=[bbox_head] * stages, train_cfg=[train_cfg] * stages)
    if type_.startswith('Hybrid'):
        masks = dict(num_convs=1, in_channels=4, conv_out_channels=4, num_classes=NUM_CLASSES)
        masks['loss_mask'] = dict(type='CrossEntropyLoss', use_mask=True)
        mask_head = [dict(type='HTCMaskHead', with_conv_res=stage > 0, **masks) for stage in range(stages)]
        config.update(mask_roi_extractor=extractor(14), mask_head=mask_head)
    torch.manual_seed(0)
    roi_head = MODELS.build(ConfigDict(config))
    roi_head.init_weights()
    return roi_head


def batch(counts):
    """Features, proposals and ground truth of images with these numbers of objects; labels 4, 0, 4, ..."""
    generator = torch.Generator().manual_seed(0)
    features = (torch.randn(len(counts), 4, 8, 8, generator=generator),)
    samples, proposals = [], []
    for count in counts:
        boxes = torch.tensor([[4.0, 4, 30, 30], [20, 24, 60, 56], [30, 2, 62, 20]])[:count]
        sample = DetDataSample(metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0)))
        masks = BitmapMasks(torch.ones(count, 64, 64, dtype=torch.uint8).numpy(), 64, 64)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([4, 0, 4])[:count], masks=masks)
        samples.append(sample)
        corners = 50 * torch.rand(9 + count, 2, generator=generator)
        proposals.append(InstanceData(bboxes=torch.cat([corners, corners + 12], dim=1)))
    return features, proposals, samples


def train_step(roi_head, counts):
    losses = roi_head.loss(*batch(counts))
    roi_head.zero_grad()
    sum(value.sum() for key, value in losses.items() if 'loss' in key).backward()
    return losses


@pytest.mark.parametrize('type_', ROI_HEADS)
@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('reg_class_agnostic', [False, True])
def test_train_and_predict(type_, loss, reg_class_agnostic):
    roi_head = build(type_, loss, reg_class_agnostic)
    banks = [module for name, module in roi_head.named_modules() if name.endswith('bank')]
    assert len(banks) == ROI_HEADS[type_]  # one a stage
    stored = []
    for counts in ([3, 0, 1], [2]):
        losses = train_step(roi_head, counts)
        assert all(value.isfinite().all() for value in losses.values())
        stored.append([bank.counts.tolist() for bank in banks])
    for first, second in zip(*stored, strict=True):
        assert all(second[label] > first[label] > 0 for label in TARGETS)
        assert sum(second) == sum(second[label] for label in TARGETS)
    for name, parameter in roi_head.named_parameters():
        if 'fc_cls' in name or 'fc_reg' in name or 'shared_fcs' in name:
            assert parameter.grad.abs().sum() > 0, name

    features, proposals, samples = batch([3, 0])
    roi_head.eval()
    with torch.no_grad():
        results = roi_head.predict(features, proposals, samples)
    assert [bank.counts.tolist() for bank in banks] == stored[-1]
    for result in results:
        assert len(result)
        assert ((result.scores > 0) & (result.scores <= 1)).all()


def test_stages_store_their_own_features():
    roi_head = build('CascadeRoIHead', 'CrossEntropyLoss', True)
    train_step(roi_head, [3, 1])
    first, second = (head.bank for head in roi_head.bbox_head)
    assert not torch.equal(first.features, second.features)


@pytest.mark.parametrize('type_', ROI_HEADS)
def test_images_without_objects_or_proposals(type_):
    roi_head = build(type_, 'SeesawLoss', True)
    train_step(roi_head, [2, 1])
    before = [head.bank.counts.tolist() for head in roi_head.modules() if hasattr(head, 'bank')]
    losses = train_step(roi_head, [0, 0])
    assert all(value.isfinite().all() for value in losses.values())
    assert [head.bank.counts.tolist() for head in roi_head.modules() if hasattr(head, 'bank')] == before
