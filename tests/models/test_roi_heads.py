"""Every loss by name in a standard, Cascade and HTC RoI head: loss, gradient and prediction on a small model."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes  # noqa: F401  (registers the box type)
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

NUM_CLASSES = 6
COUNTS = [3, 10, 40, 100, 101, 800]
STATISTICS = dict(image_count=COUNTS, instance_count=COUNTS, num_images=1000)
LOSSES = {
    'SeesawLoss': {},
    'EQL': dict(lambda_=0.05, class_statistics=STATISTICS),
    'DropLoss': dict(lambda_=0.05, activation='gumbel', class_statistics=STATISTICS),
    'EQLv2': {},
    'ACSL': dict(class_statistics=STATISTICS),
    'EBL': {},
    'ECMLoss': dict(class_statistics=STATISTICS),
    'FCBL': {},
    'PCB': dict(base=dict(type='SeesawLoss'), alpha=0.3, start_epoch=0),
    'FedLoss': dict(num_sampled=4, class_statistics=STATISTICS),
    'GAP': dict(base=dict(type='EQLv2')),
    'GroupSoftmax': dict(class_statistics=STATISTICS),
    'GumbelCE': {},
    'IIFLoss': dict(class_statistics=STATISTICS),
    'LogitAdjustedCE': dict(class_statistics=STATISTICS),
    'ClassRelativeActivations': dict(class_statistics=STATISTICS),
    'SigmoidCE': {},
}
CHANNELS, STRIDES = 8, [4, 8]
SAMPLER = dict(type='RandomSampler', num=16, pos_fraction=0.5, neg_pos_ub=-1, add_gt_as_proposals=True)
ASSIGNER = dict(
    type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False, ignore_iof_thr=-1
)


def extractor(size):
    layer = dict(type='RoIAlign', output_size=size, sampling_ratio=2)
    return dict(type='SingleRoIExtractor', roi_layer=layer, out_channels=CHANNELS, featmap_strides=STRIDES)


def bbox_head(loss, **kwargs):
    return dict(
        type='LongTailBBoxHead',
        in_channels=CHANNELS,
        fc_out_channels=16,
        roi_feat_size=7,
        num_classes=NUM_CLASSES,
        reg_class_agnostic=True,
        loss_cls=dict(type=loss, num_classes=NUM_CLASSES, **LOSSES[loss]),
        loss_bbox=dict(type='L1Loss'),
        **kwargs,
    )


def mask_head(**kwargs):
    loss = dict(type='CrossEntropyLoss', use_mask=True, loss_weight=1.0)
    sizes = dict(num_convs=1, in_channels=CHANNELS, conv_out_channels=CHANNELS, num_classes=NUM_CLASSES)
    return {'type': 'FCNMaskHead', **sizes, 'loss_mask': loss, **kwargs}


def stage_train_cfg():
    return dict(assigner=ASSIGNER, sampler=SAMPLER, mask_size=28, pos_weight=-1, debug=False)


def roi_head_config(kind, loss):
    common = dict(
        bbox_roi_extractor=extractor(7),
        mask_roi_extractor=extractor(14),
        test_cfg=dict(score_thr=1e-4, nms=dict(type='nms', iou_threshold=0.5), max_per_img=20, mask_thr_binary=0.5),
    )
    if kind == 'StandardRoIHead':
        return dict(type=kind, bbox_head=bbox_head(loss), mask_head=mask_head(), train_cfg=stage_train_cfg(), **common)
    stages = dict(num_stages=2, stage_loss_weights=[1, 0.5], train_cfg=[stage_train_cfg() for _ in range(2)])
    heads = [bbox_head(loss) for _ in range(2)]
    if kind == 'CascadeRoIHead':
        return dict(type=kind, bbox_head=heads, mask_head=mask_head(), **stages, **common)
    masks = [mask_head(type='HTCMaskHead', with_conv_res=i > 0) for i in range(2)]
    return dict(type=kind, bbox_head=heads, mask_head=masks, interleaved=True, mask_info_flow=True, **stages, **common)


def batch():
    generator = torch.Generator().manual_seed(0)
    features = tuple(torch.randn(2, CHANNELS, 64 // s, 64 // s, generator=generator) for s in STRIDES)
    samples, proposals = [], []
    for image in range(2):
        boxes = torch.tensor([[4.0, 4, 30, 30], [20, 24, 60, 56]])[: 2 - image]
        from mmdet.structures.mask import BitmapMasks

        masks = torch.zeros(len(boxes), 64, 64, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
            mask[y1:y2, x1:x2] = 1
        sample = DetDataSample(metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(
            bboxes=boxes, labels=torch.tensor([0, 4])[: len(boxes)], masks=BitmapMasks(masks.numpy(), 64, 64)
        )
        samples.append(sample)
        corners = 50 * torch.rand(12, 2, generator=generator)
        proposals.append(InstanceData(bboxes=torch.cat([corners, corners + 12], dim=1)))
    return features, proposals, samples


KINDS = ['StandardRoIHead', 'CascadeRoIHead', 'HybridTaskCascadeRoIHead']


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('loss', list(LOSSES))
def test_loss_gradient_and_prediction(kind, loss):
    torch.manual_seed(0)
    head = MODELS.build(ConfigDict(roi_head_config(kind, loss)))
    head.init_weights()
    features, proposals, samples = batch()
    losses = head.loss(features, copy.deepcopy(proposals), copy.deepcopy(samples))
    total = sum(value.sum() for key, value in losses.items() if 'loss' in key)
    total.backward()
    assert total.isfinite()
    classifiers = [m.fc_cls for m in head.modules() if hasattr(m, 'fc_cls')]
    assert len(classifiers) == (1 if kind == 'StandardRoIHead' else 2)
    for classifier in classifiers:
        assert classifier.weight.grad.abs().sum() > 0
    head.eval()
    with torch.no_grad():
        results = head.predict(features, proposals, samples, rescale=True)
    for result in results:
        assert ((result.scores > 0) & (result.scores <= 1)).all()
        assert ((result.labels >= 0) & (result.labels < NUM_CLASSES)).all()
        assert result.masks.shape == (len(result), 64, 64)
        assert len(result) > 0


@pytest.mark.parametrize('agnostic', [True, False])
@pytest.mark.parametrize('kind', KINDS)
def test_logits_on_demand_train_in_every_head(kind, agnostic):
    """A cascade refines its boxes between stages, for class-specific boxes by the class of the best logit."""
    torch.manual_seed(0)
    config = roi_head_config(kind, 'FedLoss')
    heads = config['bbox_head'] if kind != 'StandardRoIHead' else [config['bbox_head']]
    for head in heads:
        head.update(cls_on_demand=True, reg_class_agnostic=agnostic)
    head = MODELS.build(ConfigDict(config))
    head.init_weights()
    losses = head.loss(*batch())
    sum(value.sum() for key, value in losses.items() if 'loss' in key).backward()
    assert sum('loss_cls' in key for key in losses) == sum('.acc' in f'.{key}' for key in losses) == len(heads)
    assert all(parameter.grad is not None for parameter in head.parameters())


@pytest.mark.parametrize('loss', list(LOSSES))
def test_scores_at_test_are_the_losss_own_activation(loss):
    """No head decodes our logits with its softmax: that is how a sigmoid loss once shipped broken."""
    torch.manual_seed(0)
    head = MODELS.build(ConfigDict(roi_head_config('StandardRoIHead', loss)))
    head.init_weights()
    head.eval()
    _, proposals, samples = batch()
    rois = torch.cat([torch.zeros(12, 1), proposals[0].bboxes], dim=1)
    logits = torch.randn(12, head.bbox_head.fc_cls.out_features)
    (result,) = head.bbox_head.predict_by_feat(
        (rois,), (logits,), (torch.zeros(12, 4),), [samples[0].metainfo], rcnn_test_cfg=None
    )
    torch.testing.assert_close(result.scores, head.bbox_head.loss_cls.get_activation(logits))


def test_box_and_loss_must_agree_on_the_number_of_classes():
    config = roi_head_config('StandardRoIHead', 'EQLv2')
    config['bbox_head']['num_classes'] = 80
    with pytest.raises(ValueError, match='box head has num_classes=80, its EQLv2 num_classes=6'):
        MODELS.build(ConfigDict(config))
