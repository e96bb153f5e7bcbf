"""Small heads with replay, five steps to run them on, and every loss as a config."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict

from longtail_det.models import losses as our_losses

NUM_CLASSES = 5
TARGETS = [1, 3]
SIZES = dict(in_channels=2, roi_feat_size=3, fc_out_channels=8, num_classes=NUM_CLASSES)
BANK = dict(capacity=3, target_classes=TARGETS)
CFG = ConfigDict(pos_weight=-1)
#: foreground labels and number of background RoIs of each image of each step
STEPS = [
    [([1, 1, 3, 0], 3), ([], 2), ([4], 5)],
    [([1, 2], 1)],
    [([1, 3, 3, 3, 3], 0), ([1], 4)],
    [([], 4)],
    [([3, 1, 0], 2), ([3], 1)],
]
STATISTICS = dict(image_count=[3, 10, 40, 200, 800], instance_count=[900] * 5, num_images=1000)
COUNTS = dict(class_statistics=STATISTICS)
LOSS_ARGUMENTS = {
    'EQL': dict(lambda_=0.05, **COUNTS),
    'DropLoss': dict(lambda_=0.05, **COUNTS),
    'GAP': dict(base=dict(type='EQLv2')),
    'PCB': dict(base=dict(type='SeesawLoss'), alpha=0.05),
    **dict.fromkeys(('ACSL', 'ECMLoss', 'FedLoss', 'GroupSoftmax', 'IIFLoss', 'LogitAdjustedCE'), COUNTS),
}
LOSS_ARGUMENTS['ClassRelativeActivations'] = COUNTS
OUR_LOSSES = sorted(kind.__name__ for kind in our_losses.ROI_LOSSES)
LOSSES = {name: dict(type=name, num_classes=NUM_CLASSES, **LOSS_ARGUMENTS.get(name, {})) for name in OUR_LOSSES}
LOSSES['CrossEntropyLoss'] = dict(type='CrossEntropyLoss')


def build(type_='RIOBBoxHead', seed=0, real=True, **kwargs):
    torch.manual_seed(seed)
    rio = dict(bank=BANK, replay_per_class=2) if type_ == 'RIOBBoxHead' else {}
    loss_bbox = dict(type='L1Loss')
    head = MODELS.build({'type': type_, **SIZES, **rio, 'loss_bbox': loss_bbox, **kwargs})
    if not real:
        return head
    head.init_weights()
    return head.double()


def images_of(step, seed):
    """What mmdet's RoI head hands to its box head, with random boxes."""
    generator = torch.Generator().manual_seed(seed)

    def boxes(number):
        corner = 50 * torch.rand(number, 2, generator=generator, dtype=torch.float64)
        return torch.cat([corner, corner + 5 + 20 * torch.rand(number, 2, generator=generator).double()], dim=1)

    return [
        SimpleNamespace(
            pos_priors=boxes(len(labels)),
            neg_priors=boxes(background),
            pos_gt_bboxes=boxes(len(labels)),
            pos_gt_labels=torch.tensor(labels, dtype=torch.long),
            pos_inds=torch.arange(len(labels)),
            pos_assigned_gt_inds=torch.arange(len(labels)),
            num_gts=len(labels),
        )
        for labels, background in step
    ]


def run(head, step, seed=0, cfg=CFG):
    """Losses of a step, and the input of the head."""
    images = images_of(step, seed)
    rois = bbox2roi([torch.cat([image.pos_priors, image.neg_priors]) for image in images])
    x = torch.randn(len(rois), 2, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    cls_score, bbox_pred = head(x.requires_grad_())
    results = head.loss_and_target(cls_score, bbox_pred, rois, images, cfg)
    assert len(results['bbox_targets'][0]) == len(rois)  # Cascade refines the RoIs that there are
    return results['loss_bbox'], x


def backward(head, losses):
    head.zero_grad()
    sum(value.sum() for key, value in losses.items() if 'loss' in key).backward()
    return {name: p.grad.clone() for name, p in head.named_parameters() if p.grad is not None}


def assert_same(one, other):
    torch.testing.assert_close(dict(one), dict(other), rtol=0, atol=0)
