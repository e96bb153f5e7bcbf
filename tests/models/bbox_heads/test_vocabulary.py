"""13 204 classes: training and prediction of the box head stay within a few tensors of the size of the scores."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict

from ...torch_versions import peak_memory

NUM_CLASSES, NUM_ROIS, FEATURES = 13204, 100, 16
COUNTS = [1 + 1000 // (c + 1) for c in range(NUM_CLASSES)]
STATISTICS = dict(class_statistics=dict(image_count=COUNTS, instance_count=COUNTS, num_images=5000))
LOSSES = {
    'CrossEntropyLoss': {},
    'SeesawLoss': dict(num_classes=NUM_CLASSES),
    'EQL': dict(num_classes=NUM_CLASSES, lambda_=0.05, **STATISTICS),
    'DropLoss': dict(num_classes=NUM_CLASSES, lambda_=0.05, **STATISTICS),
    'EQLv2': dict(num_classes=NUM_CLASSES),
    'GumbelCE': dict(num_classes=NUM_CLASSES),
    'ClassRelativeActivations': dict(num_classes=NUM_CLASSES, **STATISTICS),
    'SigmoidCE': dict(num_classes=NUM_CLASSES),
}
#: bytes of one (RoIs, classes) tensor of scores
SCORES = 4 * NUM_ROIS * NUM_CLASSES
TRAIN = ConfigDict(pos_weight=-1)
TEST = ConfigDict(score_thr=-1.0, nms=dict(type='nms', iou_threshold=0.5), max_per_img=300)


def build(loss='CrossEntropyLoss', predictor='Linear', **kwargs):
    torch.manual_seed(0)
    sizes = dict(in_channels=FEATURES, roi_feat_size=1, fc_out_channels=FEATURES, num_classes=NUM_CLASSES)
    losses = dict(loss_cls=dict(type=loss, **LOSSES[loss]), loss_bbox=dict(type='L1Loss'))
    head = MODELS.build(
        dict(type='LongTailBBoxHead', cls_predictor_cfg=dict(type=predictor), **sizes, **losses, **kwargs)
    )
    head.init_weights()
    return head


def batch():
    generator = torch.Generator().manual_seed(0)
    corners = 500 * torch.rand(NUM_ROIS, 2, generator=generator)
    boxes = torch.cat([corners, corners + 10 + 90 * torch.rand(NUM_ROIS, 2, generator=generator)], dim=1)
    labels = torch.randint(NUM_CLASSES, (NUM_ROIS // 4,), generator=generator)
    positive, negative = boxes[: len(labels)], boxes[len(labels) :]
    image = SimpleNamespace(
        pos_priors=positive, pos_gt_bboxes=positive + 2, pos_gt_labels=labels, neg_priors=negative, num_gts=len(labels)
    )
    image.pos_inds = torch.arange(len(labels))
    return torch.randn(NUM_ROIS, FEATURES, 1, 1, generator=generator), bbox2roi([boxes]), [image]


def training_step(head, x, rois, images):
    head.train()
    head.zero_grad()
    losses = head.loss_and_target(*head(x), rois, images, TRAIN)['loss_bbox']
    sum(value.sum() for name, value in losses.items() if 'loss' in name).backward()
    return losses


def prediction(head, x, rois):
    head.eval()
    with torch.no_grad():
        cls_score, bbox_pred = head(x)
        meta = dict(img_shape=(600, 600), scale_factor=(1.0, 1.0))
        return head.predict_by_feat((rois,), (cls_score,), (bbox_pred,), [meta], TEST, rescale=True)[0]


@pytest.mark.parametrize(
    ('loss', 'predictor'),
    [*((loss, 'Linear') for loss in LOSSES), ('SeesawLoss', 'NormedLinear'), ('CrossEntropyLoss', 'CosineLinear')],
)
def test_memory_is_bounded_by_a_few_tensors_of_scores(loss, predictor):
    """With the boxes of all classes it would be 7 in training and, even with our NMS, 39 at test."""
    head = build(loss, predictor)
    x, rois, images = batch()
    losses, detections = training_step(head, x, rois, images), prediction(head, x, rois)
    assert all(value.isfinite().all() for value in losses.values())
    assert len(detections) == 300
    assert detections.labels.unique().numel() > 5
    # this one computes both of its links for all classes
    both_links = 3 * SCORES * (loss == 'ClassRelativeActivations')
    assert peak_memory(lambda: training_step(head, x, rois, images)) < 5 * SCORES + both_links
    assert peak_memory(lambda: prediction(head, x, rois)) < 5 * SCORES + both_links
