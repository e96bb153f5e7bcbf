"""RIOBBoxHead against a loop with deques, and what it must not touch."""

from __future__ import annotations

import copy
from collections import defaultdict, deque

import pytest
import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict

from .rio_heads import CFG, NUM_CLASSES, STEPS, TARGETS, assert_same, backward, build, images_of, run


class Loop:
    """RIO as METHODS has it, RoI by RoI."""

    def __init__(self, head):
        self.head = head
        self.deques = defaultdict(lambda: deque(maxlen=3))

    def losses(self, step, seed):
        head, images = self.head, images_of(step, seed)
        labels, _, targets, _ = head.get_targets(images, CFG)
        x = torch.randn(len(labels), 2, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        features, _ = head.branch_features(x)
        rows = list(zip(features, labels.tolist(), targets, strict=True))
        stored = [row for c in TARGETS if c in labels for row in list(self.deques[c])[::-1][:2]]
        for feature, label, target in rows:
            if label in TARGETS:
                self.deques[label].append((feature.detach(), label, target))
        total_cls, total_reg = 0.0, 0.0
        for replayed, batch in ((False, rows), (True, stored)):
            for feature, label, target in batch:
                total_cls += F.cross_entropy(head.fc_cls(feature[None]), torch.tensor([label]))
                if label < NUM_CLASSES and (head.replay_reg or not replayed):
                    pred = head.fc_reg(feature[None]).view(-1, 4)
                    pred = pred[0] if head.reg_class_agnostic else pred[label]
                    total_reg += (pred - target).abs().sum()
        everything = len(rows) + len(stored)
        return total_cls / everything, total_reg / (everything if head.replay_reg else len(rows)), len(stored)


@pytest.mark.parametrize(
    'arguments',
    [
        {},
        dict(reg_class_agnostic=True),
        dict(replay_reg=False),
        dict(cls_predictor_cfg=dict(type='CosineLinear')),
        dict(reg_predictor_cfg=dict(type='Linear', bias=False)),
        dict(reg_predictor_cfg=dict(type='NormedLinear')),
        dict(with_avg_pool=True, num_shared_fcs=1),
        dict(num_shared_convs=1, conv_out_channels=4),
    ],
    ids=str,
)
def test_it_is_the_loop(arguments):
    head = build(**arguments)
    loop = Loop(copy.deepcopy(head))
    replayed = []
    for seed, step in enumerate(STEPS):
        losses, _ = run(head, step, seed)
        loss_cls, loss_bbox, number = loop.losses(step, seed)
        torch.testing.assert_close(losses['loss_cls'], loss_cls)
        torch.testing.assert_close(losses['loss_bbox'], torch.as_tensor(loss_bbox, dtype=torch.float64))
        if number:
            mine = backward(head, losses)
            theirs = backward(loop.head, dict(loss_cls=loss_cls, loss_bbox=loss_bbox))
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)
        replayed.append(number)
    assert replayed == [0, 2, 3, 0, 4]


@pytest.mark.parametrize('filled', [False, True])
def test_no_roi_is_the_parent(filled):
    head, parent = build(), build('LongTailBBoxHead')
    if filled:
        run(head, STEPS[0])
    before = copy.deepcopy(head.bank.state_dict())
    (mine, _), (theirs, _) = run(head, [([], 0), ([], 0)]), run(parent, [([], 0), ([], 0)])
    assert_same(mine, theirs)
    assert_same(head.bank.state_dict(), before)


def test_it_changes_only_in_training_and_with_a_loss():
    head, parent = build(), build('LongTailBBoxHead')
    run(head, STEPS[0])
    before = copy.deepcopy(head.state_dict())
    head(torch.zeros(4, 2, 3, 3, dtype=torch.float64))
    for each in (head, parent):
        each.eval()
    (mine, _), (theirs, _) = run(head, STEPS[2]), run(parent, STEPS[2])
    assert_same(head.state_dict(), before)
    assert_same(mine, theirs)
    assert not hasattr(head(torch.zeros(4, 2, 3, 3, dtype=torch.float64))[0], 'roi_features')


def test_gradient_of_replayed_rows_reaches_the_last_layers_only():
    head, parent = build(), build('LongTailBBoxHead')
    run(head, STEPS[0])
    rows, replayed = 10, 3
    (mine, x), (theirs, y) = run(head, STEPS[2], 1), run(parent, STEPS[2], 1)
    mine, theirs = backward(head, mine), backward(parent, theirs)
    # the same sum over the RoIs, divided by more rows
    torch.testing.assert_close(x.grad * (rows + replayed), y.grad * rows)
    for name, gradient in mine.items():
        same = torch.allclose(gradient * (rows + replayed), theirs[name] * rows)
        assert same == name.startswith('shared_fcs'), name


@pytest.mark.parametrize('predictor', ['Linear', 'CosineLinear'])
def test_under_autocast_it_is_close(predictor):
    head = build(cls_predictor_cfg=dict(type=predictor)).float()
    mixed = copy.deepcopy(head)
    for step in STEPS:
        rois = bbox2roi([torch.zeros(len(labels) + background, 4) for labels, background in step])
        x = torch.randn(len(rois), 2, 3, 3, generator=torch.Generator().manual_seed(0))
        plain = head.loss_and_target(*head(x), rois, images_of(step, 0), CFG)['loss_bbox']
        with torch.autocast('cpu', dtype=torch.bfloat16):
            losses = mixed.loss_and_target(*mixed(x), rois, images_of(step, 0), CFG)['loss_bbox']
        for key in ('loss_cls', 'loss_bbox'):
            torch.testing.assert_close(losses[key].double(), plain[key].double(), rtol=0.05, atol=0.05)
        backward(mixed, losses)


def test_a_replayed_row_weighs_what_a_foreground_roi_does():
    head, weighted = build(), build()
    for each in (head, weighted):
        run(each, STEPS[0])
    step = [([1, 3], 0)]  # foreground only: then a weight scales the whole loss
    one, _ = run(head, step, 1)
    three, _ = run(weighted, step, 1, ConfigDict(pos_weight=3))
    torch.testing.assert_close(three['loss_cls'], 3 * one['loss_cls'])
    torch.testing.assert_close(three['loss_bbox'], one['loss_bbox'])


@pytest.mark.parametrize('arguments', [dict(with_reg=False), dict(reg_decoded_bbox=True, replay_reg=False)], ids=str)
def test_heads_that_replay_the_classifier_alone(arguments):
    head = build(**arguments)
    for seed, step in enumerate(STEPS):
        losses, _ = run(head, step, seed)
        assert ('loss_bbox' in losses) == arguments.get('with_reg', True)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(replay_per_class=0), 'replay_per_class=0'),
        (dict(strategy='oldest'), "strategy='oldest'"),
        (dict(num_cls_fcs=1), "'num_cls_fcs': 1"),
        (dict(num_shared_fcs=0, num_reg_convs=1), "'num_reg_convs': 1"),
        (dict(with_cls=False), 'with_cls=False'),
        (dict(reg_decoded_bbox=True), r'set replay_reg=False, or reg_decoded_bbox=False \(found True\)'),
        (dict(loss_bbox=dict(type='L1Loss', reduction='sum')), 'loss_bbox.reduction="mean"'),
        (dict(bank=dict(capacity=0)), 'capacity=0'),
    ],
    ids=str,
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)
    if not {'bank', 'replay_per_class'} & set(arguments):
        build(**arguments, replay=False)


def test_mistakes_of_a_step_are_named():
    with pytest.raises(RuntimeError, match='FeatureBank has no target classes: add dict'):
        run(build(bank={}), STEPS[0])
    head, images = build(), images_of([([1], 1)], 0)
    cls_score, bbox_pred = head(torch.zeros(2, 2, 3, 3, dtype=torch.float64))
    with pytest.raises(RuntimeError, match=r'cls_score of shape \(2, 6\) carries no RoI features'):
        head.loss_and_target(cls_score * 1, bbox_pred, torch.zeros(2, 5), images, CFG)
    with pytest.raises(ValueError, match="reduction_override='sum'; it can replay only"):
        head.loss_and_target(cls_score, bbox_pred, torch.zeros(2, 5), images, CFG, reduction_override='sum')
