"""Classes of low scores are drawn more often, and what is drawn trains both layers and moves the mean scores."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict

from longtail_det.engine import freeze

NUM_CLASSES = 4
CFG = ConfigDict(pos_weight=-1)


def build(**kwargs):
    torch.manual_seed(0)
    head = dict(
        type='LOCEBBoxHead',
        num_classes=NUM_CLASSES,
        in_channels=2,
        roi_feat_size=3,
        fc_out_channels=8,
        loss_cls=dict(type='EBL', num_classes=NUM_CLASSES),
        loss_bbox=dict(type='L1Loss'),
    )
    head = MODELS.build({**head, **kwargs})
    head.init_weights()
    torch.nn.init.normal_(head.fc_cls.weight)
    return head.train()


def remember(head, labels):
    boxes = torch.tensor([[10.0, 10, 30, 40]]).repeat(len(labels), 1)
    features = torch.randn(len(labels), 2, 3, 3)
    head.remember(features, torch.tensor(labels), boxes, boxes + 2)
    return features


def step(head):
    """One image: an object of class 0 with two RoIs, one of class 2, and a background RoI."""
    boxes = torch.tensor([[10.0, 10, 30, 40], [12, 10, 30, 44], [50, 50, 70, 70], [0, 0, 9, 9]])
    result = SimpleNamespace(
        pos_inds=torch.arange(3), pos_priors=boxes[:3], neg_priors=boxes[3:], pos_gt_bboxes=boxes[:3] + 1,
        pos_gt_labels=torch.tensor([0, 0, 2]), pos_assigned_gt_inds=torch.tensor([0, 0, 1]), num_gts=2,
    )  # fmt: skip
    cls_score, bbox_pred = head(torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(1)))
    out = head.loss_and_target(cls_score, bbox_pred, bbox2roi([boxes]), [result], CFG)
    return out['loss_bbox'], cls_score.detach()


def test_classes_are_drawn_by_one_over_their_mean_score():
    head = build(classes_per_step=1)
    remember(head, [0, 1, 1, 3])
    head.loss_cls.mean_score[:NUM_CLASSES] = torch.tensor([0.1, 0.2, 0.01, 0.4])  # class 2 has no memory
    drawn = [head._draw(torch.tensor([0]), [], torch.float32).labels for _ in range(4000)]
    assert {len(labels) for labels in drawn} == {4}
    assert all((labels == labels[0]).all() for labels in drawn)
    shares = torch.bincount(torch.stack(drawn)[:, 0], minlength=NUM_CLASSES) / 4000
    weights = torch.tensor([1 / 0.1, 1 / 0.2, 0, 1 / 0.4])
    torch.testing.assert_close(shares, weights / weights.sum(), atol=0.03, rtol=0)


def test_a_step_draws_so_many_classes_each_once():
    head = build(classes_per_step=3)
    remember(head, [0, 1, 2, 3])
    labels = head._draw(torch.tensor([0]), [], torch.float32).labels
    assert sorted(labels.bincount(minlength=NUM_CLASSES).tolist()) == [0, 4, 4, 4]


def test_stored_features_give_the_logits_of_their_rois():
    head = build()
    features = remember(head, [1])
    replay = head._draw(torch.tensor([0]), [], torch.float32)
    torch.testing.assert_close(head.fc_cls(replay.features[:1]), head(features)[0])
    expected = head.bbox_coder.encode(torch.tensor([[10.0, 10, 30, 40]]), torch.tensor([[12.0, 12, 32, 42]]))
    torch.testing.assert_close(replay.targets[:1], expected)


def test_the_loss_is_that_of_a_loop():
    """Mean scores first, by object; then cross entropy of x + ln s over RoIs and drawn rows together."""
    head = build(classes_per_step=1, replay_per_class=2)
    remember(head, [3])  # the only row that can be drawn, twice
    row = head.fc_cls(head.bank.features[head.bank.row_of_class[3] * head.bank.capacity]).detach()
    losses, logits = step(head)
    scores = logits.softmax(1)
    mean = torch.full((NUM_CLASSES + 1,), 0.01)
    mean[0] = 0.9 * 0.01 + 0.1 * (scores[0, 0] + scores[1, 0]) / 2
    mean[2] = 0.9 * 0.01 + 0.1 * scores[2, 2]
    mean[3] = 0.9 * 0.01 + 0.1 * row.softmax(0)[3]
    torch.testing.assert_close(head.loss_cls.mean_score, mean)
    rows = torch.cat([logits, row[None], row[None]])
    expected = F.cross_entropy(rows + mean.log(), torch.tensor([0, 0, 2, NUM_CLASSES, 3, 3]))
    torch.testing.assert_close(losses['loss_cls'], expected)


def test_an_empty_memory_is_the_plain_head_with_objects():
    losses, _ = step(build())
    plain, _ = step(build(type='LongTailBBoxHead'))
    torch.testing.assert_close({name: losses[name] for name in plain}, plain)


def test_drawn_rows_train_the_classifier_and_the_regressor_alone():
    head = build(replay_per_class=2)
    remember(head, [3, 1])
    freeze(head, trained=['fc_cls', 'fc_reg'])
    losses, _ = step(head)
    (losses['loss_cls'] + losses['loss_bbox']).backward()
    assert head.fc_cls.weight.grad[3].abs().sum() > 0
    assert head.fc_reg.weight.grad.view(NUM_CLASSES, 4, -1)[3].abs().sum() > 0
    assert all(parameter.grad is None for parameter in head.shared_fcs.parameters())


def test_only_what_surrounds_objects_is_stored():
    head = build()
    step(head)
    assert not head.bank.counts.any()
    assert (head.bank.capacity, head.bank.target_classes) == (80, list(range(NUM_CLASSES)))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(loss_cls=dict(type='CrossEntropyLoss')), 'loss_cls CrossEntropyLoss.*expected a loss with mean scores'),
        (dict(classes_per_step=0), 'classes_per_step=0; expected'),
    ],
)
def test_a_mistake_is_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
