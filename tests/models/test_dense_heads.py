"""EFL and EQFL in mmdet's one-stage heads: a training step, the statistics it moves, and a prediction."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from longtail_det.engine import sync_statistics

NUM_CLASSES, CHANNELS, STRIDES = 6, 8, [8, 16]
COMMON = dict(num_classes=NUM_CLASSES, in_channels=CHANNELS, feat_channels=32, stacked_convs=1)
ONE_ANCHOR = dict(type='AnchorGenerator', ratios=[1.0], octave_base_scale=4, scales_per_octave=1, strides=STRIDES)
NINE_ANCHORS = dict(ONE_ANCHOR, ratios=[0.5, 1.0, 2.0], scales_per_octave=3)
ATSS = dict(assigner=dict(type='ATSSAssigner', topk=9), allowed_border=-1, pos_weight=-1, debug=False)
MAX_IOU = dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0, ignore_iof_thr=-1)
HEADS = {
    'RetinaHead': dict(
        anchor_generator=NINE_ANCHORS,
        train_cfg=dict(ATSS, assigner=MAX_IOU, sampler=dict(type='PseudoSampler')),
    ),
    'ATSSHead': dict(anchor_generator=ONE_ANCHOR, train_cfg=ATSS),
    'GFLHead': dict(anchor_generator=ONE_ANCHOR, train_cfg=ATSS, loss_dfl=dict(type='DistributionFocalLoss')),
}


@pytest.mark.parametrize(('head', 'loss'), [('RetinaHead', 'EFL'), ('ATSSHead', 'EFL'), ('GFLHead', 'EQFL')])
def test_a_step_trains_moves_the_statistics_and_predicts(head, loss):
    torch.manual_seed(0)
    head = MODELS.build(
        ConfigDict(
            type=head,
            **COMMON,
            **HEADS[head],
            loss_cls=dict(type=loss, num_classes=NUM_CLASSES, use_sigmoid=True),
            loss_bbox=dict(type='L1Loss' if head == 'RetinaHead' else 'GIoULoss'),
            test_cfg=dict(nms_pre=50, score_thr=1e-6, nms=dict(type='nms', iou_threshold=0.5), max_per_img=10),
        )
    )
    head.init_weights()
    features = tuple(torch.randn(1, CHANNELS, 128 // stride, 128 // stride) for stride in STRIDES)
    sample = DetDataSample(metainfo=dict(img_shape=(128, 128), pad_shape=(128, 128), scale_factor=(1.0, 1.0)))
    boxes, labels = torch.tensor([[10.0, 10, 50, 50], [60, 40, 120, 100]]), torch.tensor([1, 4])
    sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
    sample.ignored_instances = InstanceData(bboxes=boxes[:0], labels=labels[:0])
    optimizer = torch.optim.SGD(head.parameters(), lr=1e-2)
    head.loss_cls.defer_statistics()
    history = []
    for _ in range(5):
        losses = head.loss(features, [sample])
        total = sum(sum(value) if isinstance(value, list) else value for value in losses.values())
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        sync_statistics(head)
        history.append(sum(losses['loss_cls']).item())
    assert history[-1] < history[0]
    assert head.loss_cls.neg_grad.all()
    assert head.loss_cls.pos_grad.nonzero().flatten().tolist() == [1, 4]
    head.eval()
    with torch.no_grad():
        (result,) = head.predict(features, [sample])
    assert ((result.scores > 0) & (result.scores < 1)).all()
    assert len(result)
