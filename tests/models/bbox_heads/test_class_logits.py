"""Logits on demand: the loss and gradients of the dense classifier, at a cost of the drawn columns."""

from __future__ import annotations

import pytest
import torch
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.registry import MODELS
from mmengine.config import ConfigDict

from longtail_det.models.bbox_heads import ClassLogits

NUM_CLASSES = 40
COUNTS = list(range(1, NUM_CLASSES + 1))
STATISTICS = dict(image_count=COUNTS, instance_count=COUNTS, num_images=100)
LOSS = dict(type='FedLoss', num_classes=NUM_CLASSES, num_sampled=9, class_statistics=STATISTICS)


def build(type_='LongTailBBoxHead', **kwargs):
    torch.manual_seed(0)
    options = dict(in_channels=4, roi_feat_size=3, fc_out_channels=8, num_classes=NUM_CLASSES, loss_cls=LOSS)
    head = MODELS.build(ConfigDict(type=type_, **{**options, **kwargs}))
    head.init_weights()
    return head


def sampled(num_images=2):
    results = [SamplingResult.random(rng=seed, num_gts=3, num_preds=12) for seed in range(num_images)]
    for result in results:
        result.pos_gt_labels = torch.arange(len(result.pos_priors)) % NUM_CLASSES
    return results


def step(head, results, autocast=False):
    """Losses, and the gradients of classifier and features, for one draw."""
    rois = torch.cat(
        [
            torch.cat([torch.full((len(boxes), 1), float(i)), boxes], dim=1)
            for i, result in enumerate(results)
            for boxes in (result.pos_priors, result.neg_priors)
        ]
    )
    x = torch.randn(len(rois), 4, 3, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    torch.manual_seed(5)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        cls_score, bbox_pred = head(x)
        found = head.loss_and_target(cls_score, bbox_pred, rois, results, ConfigDict(pos_weight=-1))
    losses = found['loss_bbox']
    parameters = [x, *head.parameters()]
    total = losses['loss_cls'] + losses['loss_bbox']
    return losses, torch.autograd.grad(total, parameters), cls_score


@pytest.mark.parametrize('autocast', [False, True])
@pytest.mark.parametrize('agnostic', [False, True])
def test_it_equals_the_dense_classifier(agnostic, autocast):
    results = sampled()
    dense, expected, _ = step(build(reg_class_agnostic=agnostic), results, autocast)
    losses, gradients, cls_score = step(build(reg_class_agnostic=agnostic, cls_on_demand=True), results, autocast)
    assert isinstance(cls_score, ClassLogits)
    assert losses.keys() == dense.keys()
    for key in ('loss_cls', 'loss_bbox'):
        torch.testing.assert_close(losses[key], dense[key])
    tolerance = dict(rtol=2e-2, atol=1e-3) if autocast else {}
    torch.testing.assert_close(gradients, expected, **tolerance)


def test_columns_that_were_not_drawn_have_no_gradient():
    head = build(cls_on_demand=True)
    results = sampled()
    _, gradients, _ = step(head, results)
    names = [name for name, _ in head.named_parameters()]
    moved = dict(zip(names, gradients[1:], strict=True))['fc_cls.weight'].abs().sum(1) > 0
    labels = torch.cat([result.pos_gt_labels for result in results]).unique()
    assert moved[labels].all()
    assert moved.sum() == max(len(labels), 8), 'background is one of the nine'


def test_a_prediction_sees_all_columns():
    head = build(cls_on_demand=True).eval()
    x = torch.randn(5, 4, 3, 3)
    assert torch.equal(head(x)[0], build()(x)[0])


def test_own_logits_are_those_of_the_dense_classifier():
    features, labels = torch.randn(5, 8), torch.tensor([3, 0, 39, 3, 7])
    logits = ClassLogits(features, torch.nn.Linear(8, NUM_CLASSES))
    torch.testing.assert_close(logits.pick(labels), logits.dense().gather(1, labels[:, None])[:, 0])
    first, second = logits.split([2, 3])
    torch.testing.assert_close(second.pick(labels[2:]), logits.pick(labels)[2:])
    assert len(first) == 2
    with pytest.raises(AttributeError, match='call eval'):
        logits.softmax(1)


@pytest.mark.parametrize(
    ('type_', 'arguments', 'message'),
    [
        ('LongTailBBoxHead', dict(loss_cls=dict(type='SigmoidCE', num_classes=NUM_CLASSES)), 'found loss SigmoidCE'),
        ('LongTailBBoxHead', dict(cls_predictor_cfg=dict(type='NormedLinear')), 'classifier NormedLinear; expected'),
        ('RIOBBoxHead', {}, 'RIOBBoxHead replays rows of all logits'),
    ],
)
def test_what_cannot_be_on_demand_is_refused(type_, arguments, message):
    with pytest.raises(ValueError, match=message):
        build(type_, cls_on_demand=True, **arguments)
