"""EFL and EQFL: the loops of the paper, their statistics by autograd, and mmdet's focal losses where they balance."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from longtail_det.losses import DENSE_LOSSES, EFL, EQFL

from ..torch_versions import compiles_in_one_graph

C = 5
KINDS = pytest.mark.parametrize('kind', DENSE_LOSSES)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def batch(num_anchors=24, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(num_anchors, C, generator=generator, dtype=torch.float64)
    labels = torch.randint(C + 1, (num_anchors,), generator=generator)
    iou = torch.rand(num_anchors, generator=generator, dtype=torch.float64)
    weight = (torch.rand(num_anchors, generator=generator) > 0.2).double()
    return logits.requires_grad_(), labels, iou, weight


def target_of(kind, labels, iou):
    return labels if kind is EFL else (labels, iou)


def literal(kind, x, y, iou, focus):
    """The loss of one anchor."""
    total = 0.0
    for j, (v, gamma) in enumerate(zip(x, focus, strict=True)):
        p = sigmoid(v)
        if kind is EFL:
            p_t, alpha = (p, 0.25) if y == j else (1 - p, 0.75)
            total -= alpha * gamma / 2 * (1 - p_t) ** gamma * math.log(p_t)
        else:
            q = iou if y == j else 0.0
            total -= gamma / 2 * abs(q - p) ** gamma * (q * math.log(p) + (1 - q) * math.log(1 - p))
    return total


@KINDS
def test_three_steps_equal_the_loop_and_autograd(kind):
    """The statistics are the absolute gradients of the loss itself, normalizer included."""
    loss = kind(num_classes=C, loss_weight=1.5)
    positive, negative = torch.zeros(C, dtype=torch.float64), torch.zeros(C, dtype=torch.float64)
    for seed in range(3):
        logits, labels, iou, weight = batch(seed=seed)
        ratio = (positive / (negative + 1e-10)).clamp(0, 1) if seed else torch.ones(C)
        focus = (2 + 8 * (1 - ratio)).tolist()
        rows = zip(logits.tolist(), labels.tolist(), iou.tolist(), weight.tolist(), strict=True)
        expected = 1.5 * sum(w * literal(kind, x, y, q, focus) for x, y, q, w in rows) / 7.0
        got = loss(logits, target_of(kind, labels, iou), weight, avg_factor=7.0)
        assert got.item() == pytest.approx(expected, rel=1e-5)
        (gradient,) = torch.autograd.grad(got, logits)
        own = labels[:, None] == torch.arange(C)
        positive += (gradient.abs() * own).sum(0)
        negative += (gradient.abs() * ~own).sum(0)
        torch.testing.assert_close(loss.pos_grad.double(), positive, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(loss.neg_grad.double(), negative, rtol=1e-5, atol=1e-7)


@KINDS
def test_the_closed_form_gradient_is_the_definitions(kind):
    loss = kind(num_classes=C).eval()
    loss.pos_grad.copy_(torch.tensor([0.1, 5.0, 0.0, 2.0, 3.0]))
    loss.neg_grad.copy_(torch.tensor([1.0, 1.0, 0.0, 3.0, 3.0]))
    logits, labels, iou, weight = batch()
    target = target_of(kind, labels, iou)
    fused = torch.autograd.grad(loss(logits, target, weight, reduction_override='sum'), logits)
    plain = torch.autograd.grad(loss(logits, target, weight, reduction_override='none').sum(), logits)
    torch.testing.assert_close(fused, plain)
    assert torch.autograd.gradcheck(lambda x: loss(x, target, weight, 3.0), (logits,))
    assert torch.autograd.gradgradcheck(lambda x: loss(x, target, weight, 3.0), (logits,))


@KINDS
@pytest.mark.parametrize('call', [{}, dict(avg_factor=3.0), dict(reduction_override='sum')])
def test_balanced_it_is_mmdets_loss(kind, call):
    losses = pytest.importorskip('mmdet.models.losses')
    theirs = losses.FocalLoss() if kind is EFL else losses.QualityFocalLoss()
    logits, labels, iou, weight = batch()
    logits = logits.float().detach().requires_grad_()
    target = target_of(kind, labels, iou.float())
    ours = kind(num_classes=C)
    for w in (None, weight.float()):
        values = [loss(logits, target, w, **call) for loss in (ours.eval(), theirs)]
        torch.testing.assert_close(*values)
        torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in values))


@KINDS
def test_levels_of_a_step_share_its_focus_and_add_up(kind):
    """Deferred, as `StatisticsSyncHook` does it, the order of levels and the split over ranks do not matter."""
    whole, levels = kind(num_classes=C), kind(num_classes=C)
    levels.defer_statistics()
    for seed in range(3):
        logits, labels, iou, weight = batch(seed=seed)
        expected = whole(logits, target_of(kind, labels, iou), weight, 5.0)
        got = sum(
            levels(logits[rows], target_of(kind, labels[rows], iou[rows]), weight[rows], 5.0)
            for rows in (slice(0, 9), slice(9, 24))
        )
        torch.testing.assert_close(got, expected)
        levels.flush_statistics(levels.pending_statistics().clone())
    torch.testing.assert_close(levels.state_dict(), whole.state_dict())


@KINDS
def test_state_moves_in_training_only_and_is_saved(kind):
    loss = kind(num_classes=C)
    logits, labels, iou, _ = batch()
    target = target_of(kind, labels, iou)
    before = copy.deepcopy(loss.state_dict())
    loss.eval()(logits, target)
    torch.testing.assert_close(loss.state_dict(), before)
    loss.train()(logits, target)
    fresh = kind(num_classes=C)
    assert fresh.load_state_dict(loss.state_dict()) == ([], [])
    assert torch.equal(fresh.eval()(logits, target), loss.eval()(logits, target))


@KINDS
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_float32_and_huge_logits_are_finite(kind, dtype):
    loss = kind(num_classes=C).eval()
    logits, labels, iou, weight = batch()
    target, half = target_of(kind, labels, iou.float()), logits.detach().to(dtype)
    assert torch.equal(loss(half, target, weight), loss(half.float(), target, weight))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(loss(half, target, weight), loss(half.float(), target, weight))
    huge = (1e4 * logits.detach().sign()).to(dtype).requires_grad_()
    value = loss.train()(huge, target)
    assert value.isfinite()
    assert torch.autograd.grad(value, huge)[0].isfinite().all()
    assert loss.neg_grad.isfinite().all()


@KINDS
def test_no_anchor_and_background_only(kind):
    loss = kind(num_classes=C)
    empty = torch.zeros(0, C, requires_grad=True)
    value = loss(empty, target_of(kind, torch.zeros(0).long(), torch.zeros(0)), torch.zeros(0), 1.0)
    value.backward()
    assert value.item() == 0
    logits, labels, iou, _ = batch()
    loss(logits, target_of(kind, torch.full_like(labels, C), iou))
    assert not loss.pos_grad.any()
    assert loss.neg_grad.all()


@compiles_in_one_graph
@KINDS
def test_it_compiles_in_one_graph(kind):
    torch._dynamo.reset()
    loss = kind(num_classes=C).eval()
    logits, labels, iou, weight = batch()
    compiled = torch.compile(loss, fullgraph=True, backend='aot_eager')
    target = target_of(kind, labels, iou)
    torch.testing.assert_close(compiled(logits, target, weight, 3.0), loss(logits, target, weight, 3.0))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: EFL(num_classes=C, use_sigmoid=False), 'use_sigmoid=False; expected True'),
        (lambda: EQFL(num_classes=C, scale=-1.0), r'scale=-1.0; expected a finite number, at least 0'),
        (lambda: EFL(num_classes=C, alpha=2.0), r'alpha=2.0; expected a finite number, at least 0 and at most 1'),
        (lambda: EFL(num_classes=C)(torch.zeros(2, 4), torch.zeros(2).long()), r'shape \(2, 4\); expected \(A, 5\)'),
        (
            lambda: EFL(num_classes=C)(torch.zeros(2, C), torch.zeros(2).long(), None, 2.0, 'sum'),
            "reduction='sum', avg_factor=2.0",
        ),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
