"""The contract with mmdet's box heads, tested on a loss of three lines; the harness runs it over every loss."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from longtail_det.losses import RoIClassificationLoss


class PlainCrossEntropy(RoIClassificationLoss):
    def loss(self, logits, labels):
        return F.cross_entropy(logits, labels, reduction='none')

    def get_activation(self, cls_score):
        return cls_score.softmax(-1)


@pytest.fixture
def loss():
    return PlainCrossEntropy(num_classes=5)


def test_reductions_agree_with_each_other(loss, roi_batch):
    logits, labels = roi_batch(extra_channels=1)
    weight = torch.rand(7)
    each = loss(logits, labels, weight, reduction_override='none')
    assert each.shape == (7,)
    torch.testing.assert_close(loss(logits, labels, weight, reduction_override='sum'), each.sum())
    torch.testing.assert_close(loss(logits, labels, weight), each.sum() / 7)
    torch.testing.assert_close(loss(logits, labels, weight, avg_factor=3.0), each.sum() / 3)
    torch.testing.assert_close(loss(logits, labels, weight, avg_factor=torch.tensor(3.0)), each.sum() / 3)
    torch.testing.assert_close(each, F.cross_entropy(logits, labels, reduction='none') * weight)


def test_loss_weight_scales_every_reduction(loss, roi_batch):
    logits, labels = roi_batch(extra_channels=1)
    heavy = PlainCrossEntropy(num_classes=5, loss_weight=3.0)
    for reduction in ('none', 'sum', 'mean'):
        one, three = (m(logits, labels, reduction_override=reduction) for m in (loss, heavy))
        torch.testing.assert_close(three, 3 * one)


@pytest.mark.parametrize('avg_factor', [None, 0.0, 1.0, torch.tensor(0.0)])
def test_no_roi_is_a_zero_one_can_differentiate(loss, avg_factor):
    logits = torch.zeros(0, 6, requires_grad=True)
    value = loss(logits, torch.zeros(0, dtype=torch.long), avg_factor=avg_factor)
    value.backward()
    assert value.item() == 0
    assert logits.grad.shape == (0, 6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(loss, roi_batch, dtype):
    logits, labels = roi_batch(extra_channels=1, dtype=dtype)
    value = loss(logits, labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(logits.float(), labels))


def test_autocast_changes_nothing(loss, roi_batch):
    logits, labels = roi_batch(extra_channels=1, dtype=torch.float32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = loss(logits, labels)
    assert torch.equal(inside, loss(logits, labels))


def test_accuracy_counts_the_right_ones(loss):
    logits = torch.eye(6)[[0, 1, 2, 3]]
    assert loss.get_accuracy(logits, torch.tensor([0, 1, 5, 5]))['acc'].item() == 50.0
    assert loss.get_accuracy(logits[:0], torch.zeros(0, dtype=torch.long))['acc'].item() == 0.0


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda m: m(torch.zeros(2, 5), torch.zeros(2).long()), r'shape \(2, 5\); expected \(N, 6\)'),
        (lambda m: m(torch.zeros(2, 6), torch.zeros(2).long(), reduction_override='max'), "'max'; expected one of"),
        (lambda m: m(torch.zeros(2, 6), torch.zeros(2).long(), None, 2.0, 'sum'), "used with reduction='sum'"),
        (lambda m: m.get_cls_channels(80), 'box head has num_classes=80, its PlainCrossEntropy num_classes=5'),
        (lambda m: PlainCrossEntropy(num_classes=0), 'num_classes=0; expected a whole number, at least 1'),
        (lambda m: PlainCrossEntropy(num_classes=2, reduction='max'), "reduction='max'; expected one of"),
    ],
)
def test_mistakes_are_named(loss, call, message):
    with pytest.raises(ValueError, match=message):
        call(loss)


def test_unknown_arguments_are_refused_with_the_known_ones():
    with pytest.raises(TypeError, match=r"no argument \['gamma'\]; its arguments are \['num_classes', 'reduction'"):
        PlainCrossEntropy(num_classes=5, gamma=2)


def test_flags_that_mmdets_heads_read(loss):
    assert loss.custom_cls_channels
    assert loss.custom_activation
    assert loss.custom_accuracy
