"""The iterative head: its passes and losses are those of loops, and at first its detections are the plain head's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict

NUM_CLASSES = 4
CFG = ConfigDict(pos_weight=-1)
PCB = dict(type='PCB', num_classes=NUM_CLASSES, base=dict(type='CrossEntropyLoss'), alpha=0.4, start_epoch=0)
LOSSES = {
    'softmax': dict(type='CrossEntropyLoss'),
    'eqlv2': dict(type='EQLv2', num_classes=NUM_CLASSES),
    'seesaw': dict(type='SeesawLoss', num_classes=NUM_CLASSES),
    'ebl': dict(type='EBL', num_classes=NUM_CLASSES),
    'pcb': PCB,
    'pcb-seesaw': {**PCB, 'base': dict(type='SeesawLoss')},
}


def build(loss='pcb', kind='IterativeBBoxHead', **kwargs):
    torch.manual_seed(0)
    options = dict(
        type=kind,
        num_classes=NUM_CLASSES,
        in_channels=2,
        roi_feat_size=(3, 2),
        fc_out_channels=8,
        loss_cls=LOSSES[loss],
        loss_bbox=dict(type='L1Loss'),
    )
    head = MODELS.build({**options, **(dict(mlp_channels=5) if kind == 'IterativeBBoxHead' else {}), **kwargs})
    head.init_weights()
    for name, parameter in head.named_parameters():
        if 'fc' in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return head.train()


def learned(head):
    """MLPs that no longer give 1 and 0."""
    for mlp in (head.scale_mlp, head.shift_mlp):
        torch.nn.init.normal_(mlp[-1].weight, std=0.3)
    return head


def roi_features():
    return torch.randn(6, 2, 3, 2, generator=torch.Generator().manual_seed(1))


def step(head):
    """One image: two RoIs of class 0, one each of classes 1 to 3, a background RoI."""
    boxes = torch.tensor([[10.0, 10, 30, 40]]).repeat(6, 1) + torch.arange(6.0)[:, None]
    result = SimpleNamespace(
        pos_inds=torch.arange(5), pos_priors=boxes[:5], neg_priors=boxes[5:], pos_gt_bboxes=boxes[:5] + 1,
        pos_gt_labels=torch.tensor([0, 0, 1, 2, 3]), pos_assigned_gt_inds=torch.tensor([0, 0, 1, 2, 3]), num_gts=4,
    )  # fmt: skip
    cls_score, bbox_pred = head(roi_features())
    return head.loss_and_target(cls_score, bbox_pred, bbox2roi([boxes]), [result], CFG)['loss_bbox']


def passes_by_hand(head, number=3):
    """Features, logits and deltas of each pass."""
    x, found = roi_features(), []
    for _ in range(number):
        hidden = x.flatten(1)
        for fc in head.shared_fcs:
            hidden = fc(hidden).relu()
        logits, deltas = head.fc_cls(hidden), head.fc_reg(hidden)
        found.append((logits, deltas))
        adjusted = torch.empty_like(x)
        scale = head.scale_mlp[2](head.scale_mlp[0](deltas).relu())
        shift = head.shift_mlp[2](head.shift_mlp[0](logits).relu())
        for n in range(len(x)):
            for channel in range(2):
                for place in range(6):
                    row, column = divmod(place, 2)
                    adjusted[n, channel, row, column] = x[n, channel, row, column] * scale[n, place] + shift[n, channel]
        x = adjusted
    return found


def test_the_result_is_that_of_the_last_pass():
    head = learned(build()).eval()
    logits, deltas = head(roi_features())
    *_, (expected, expected_deltas) = passes_by_hand(head)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(deltas.dense(), expected_deltas)
    for found, (each, _) in zip(logits.earlier_passes, passes_by_hand(head)[:2], strict=True):
        torch.testing.assert_close(found, each)


@pytest.mark.parametrize('agnostic', [True, False])
def test_a_checkpoint_of_the_plain_head_keeps_its_detections(agnostic):
    plain, head = (build(kind=kind, reg_class_agnostic=agnostic) for kind in ('LongTailBBoxHead', 'IterativeBBoxHead'))
    missing = head.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert {name.split('.')[0] for name in missing} == {'scale_mlp', 'shift_mlp'}
    found, expected = (model.eval()(roi_features()) for model in (head, plain))
    torch.testing.assert_close(found[0], expected[0])


@pytest.mark.parametrize('loss', ['softmax', 'eqlv2', 'seesaw'])
def test_the_loss_is_the_weighted_sum_of_the_passes(loss):
    head = learned(build(loss, pass_weights=(0.1, 0.9)))
    labels = torch.tensor([0, 0, 1, 2, 3, NUM_CLASSES])
    reference = build(loss).loss_cls
    expected = {}
    for weight, (logits, _) in [*zip((0.1, 0.9), passes_by_hand(head, 2), strict=True)][::-1]:
        value = reference(logits, labels, avg_factor=6)
        for name, part in (value if isinstance(value, dict) else {'loss_cls': value}).items():
            expected[name] = expected.get(name, 0.0) + weight * part
    losses = step(head)
    torch.testing.assert_close({name: losses[name] for name in expected}, expected)
    accuracy = {name for name in losses if 'acc' in name}
    assert losses.keys() == expected.keys() | accuracy | {'loss_bbox'}
    assert accuracy


@pytest.mark.parametrize('deferred', [False, True])
@pytest.mark.parametrize('loss', ['pcb', 'pcb-seesaw'])
def test_pcb_grows_from_pass_to_pass_and_moves_its_matrix_once(loss, deferred):
    """Pass k of 3 has alpha k / 2; the matrix holds the last pass of this batch before the first loss is computed."""
    head = learned(build(loss))
    head.loss_cls.defer_statistics(deferred)
    labels = torch.tensor([0, 0, 1, 2, 3, NUM_CLASSES])
    passes = [logits.detach() for logits, _ in passes_by_hand(head)]
    after = build(loss).loss_cls
    after(passes[2], labels)
    expected = {}
    for k, weight in enumerate((0.2, 0.2, 0.6)):
        of_pass = build(loss).loss_cls.eval()
        of_pass.load_state_dict(after.state_dict())
        of_pass.alpha = 0.4 * k / 2
        value = of_pass(passes[k], labels, avg_factor=6)
        for name, part in (value if isinstance(value, dict) else {'loss_cls': value}).items():
            expected[name] = expected.get(name, 0.0) + weight * part
    losses = step(head)
    torch.testing.assert_close({name: losses[name] for name in expected}, expected)
    if deferred:
        head.loss_cls.flush_statistics(head.loss_cls.pending_statistics().clone())
    torch.testing.assert_close(head.loss_cls.confusion, after.confusion)
    assert head.loss_cls.class_count.tolist() == [2, 1, 1, 1]


@pytest.mark.parametrize('loss', ['pcb', 'ebl', 'eqlv2'])
def test_every_layer_learns_and_the_last_layers_of_the_mlps_from_the_first_step(loss):
    head = build(loss)
    losses = step(head)
    sum(value.sum() for name, value in losses.items() if 'loss' in name).backward()
    late = {f'{mlp}.0.{kind}' for mlp in ('scale_mlp', 'shift_mlp') for kind in ('weight', 'bias')}
    for name, parameter in head.named_parameters():
        assert (parameter.grad.abs().sum() > 0) == (name not in late), name


def test_no_roi_has_no_class_loss():
    head = build()
    empty = torch.zeros(0, 4)
    result = SimpleNamespace(
        pos_inds=torch.arange(0), pos_priors=empty, neg_priors=empty, pos_gt_bboxes=empty,
        pos_gt_labels=torch.zeros(0, dtype=torch.long), num_gts=0,
    )  # fmt: skip
    cls_score, bbox_pred = head(torch.zeros(0, 2, 3, 2))
    losses = head.loss_and_target(cls_score, bbox_pred, torch.zeros(0, 5), [result], CFG)['loss_bbox']
    assert set(losses) == {'loss_bbox'}
    assert losses['loss_bbox'] == 0


def test_half_precision_is_close():
    head = learned(build()).eval()
    expected, _ = head(roi_features())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found, _ = head(roi_features())
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.2)


@pytest.mark.parametrize(
    'options',
    [
        dict(pass_weights=(1.0,)),
        dict(with_reg=False),
        dict(cls_on_demand=True, loss_cls=dict(type='FedLoss', num_classes=NUM_CLASSES)),
    ],
)
def test_a_head_without_two_passes_is_refused(options):
    with pytest.raises(ValueError, match=r'IterativeBBoxHead: pass_weights=.*expected at least 2 weights'):
        build(**options)


def test_logits_that_lost_their_passes_are_refused():
    head = build()
    cls_score, bbox_pred = head(roi_features())
    with pytest.raises(RuntimeError, match='a cls_score that carries 0 passes'):
        head.loss_and_target(cls_score + 0, bbox_pred, torch.zeros(6, 5), [], CFG)
