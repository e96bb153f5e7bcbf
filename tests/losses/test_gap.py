"""GAP: ranking errors and gradients as loops over positives and negatives, and that sorting gives the same."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.functional.kernels import gap_kernel
from longtail_det.functional.losses import gap_loss
from longtail_det.losses import GAP, EQLv2, SeesawLoss

from .catalog import NUM_CLASSES as C
from .catalog import STATISTICS, build


def literal(logits, labels, class_weight, delta=0.5):
    """The mean error of the batch's classes, and the gradient of every logit."""
    x = logits.tolist()
    foreground = [(i, y) for i, y in enumerate(labels.tolist()) if y < C]
    classes = sorted({y for _, y in foreground})
    gradient = [[0.0] * C for _ in x]
    value = 0.0

    def ramp(d):
        return min(max(d / (2 * delta) + 0.5, 0.0), 1.0)

    for m in classes:
        positives = [i for i, y in foreground if y == m]
        scale = class_weight[m] / len(positives) / len(classes)
        least = min(x[i][m] for i in positives) - delta
        negatives = [(i, j) for i, y in enumerate(labels.tolist()) for j in range(C) if j != y and x[i][j] >= least]
        for i in positives:
            rank_positive = sum(ramp(x[p][m] - x[i][m]) for p in positives)
            relation = {(k, j): ramp(x[k][j] - x[i][m]) for k, j in negatives}
            false = sum(relation.values())
            value += false / (rank_positive + false) / len(positives) / len(classes)
            gradient[i][m] -= scale * false / (rank_positive + false)
            for (k, j), h in relation.items():
                gradient[k][j] += scale * h / (rank_positive + false)
    return value, torch.tensor(gradient, dtype=torch.float64)


@given(seed=st.integers(0, 2**16), num_rois=st.integers(1, 12), scale=st.sampled_from([0.2, 1.0, 4.0]))
def test_definition_and_kernel_are_the_loops(seed, num_rois, scale):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(num_rois, C, generator=generator, dtype=torch.float64)
    labels = torch.randint(C + 1, (num_rois,), generator=generator)
    weight = torch.rand(C, generator=generator, dtype=torch.float64)
    value, gradient = literal(logits, labels, weight.tolist())
    got = gap_loss(logits, labels, weight)
    assert got[0].item() == pytest.approx(value)
    torch.testing.assert_close(got[1], gradient)
    logits.requires_grad_()
    fast = gap_kernel(logits, labels, weight, scale=0.3)
    assert fast.item() == pytest.approx(value, abs=1e-12)
    torch.testing.assert_close(torch.autograd.grad(fast, logits)[0], 0.3 * gradient, rtol=1e-6, atol=1e-12)


def test_float32_and_ties_at_the_size_of_a_step():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(64, 300, generator=generator).mul(8).round().div(8).requires_grad_()
    labels = torch.randint(301, (64,), generator=generator)
    weight = torch.rand(300, generator=generator)
    value, gradient = gap_loss(logits.double(), labels, weight)
    fast = gap_kernel(logits, labels, weight)
    assert fast.item() == pytest.approx(value.item(), rel=1e-5)
    torch.testing.assert_close(torch.autograd.grad(fast, logits)[0].double(), gradient, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize('spread', [1.0, 3.0, 40.0])
def test_the_grid_of_many_logits_is_the_definition(spread):
    """At 40 the positives spread too far for a grid of that many nodes."""
    generator = torch.Generator().manual_seed(0)
    logits = (spread * torch.randn(100, 602, generator=generator)).requires_grad_()
    labels = torch.full((100,), 600).index_fill(0, torch.arange(0, 100, 4), 7)
    labels[::8] = torch.arange(13) * 40
    weight = torch.rand(600, generator=generator)
    value, gradient = gap_loss(logits[:, :600].double(), labels, weight)
    fast = gap_kernel(logits, labels, weight)
    got = torch.autograd.grad(fast, logits)[0]
    assert fast.item() == pytest.approx(value.item(), rel=1e-5)
    torch.testing.assert_close(got[:, :600].double(), gradient, rtol=1e-4, atol=1e-4 * gradient.max().item())
    assert not got[:, 600:].any(), 'columns that are no class'


def test_logits_on_the_grid_are_exact_and_one_that_is_no_number_shows():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(100, 600, generator=generator).mul(8).round().div(8).requires_grad_()
    labels = torch.randint(601, (100,), generator=generator)
    labels[30:] = 600
    weight = torch.rand(600, generator=generator)
    value, gradient = gap_loss(logits.double(), labels, weight)
    fast = gap_kernel(logits, labels, weight)
    assert fast.item() == pytest.approx(value.item(), rel=1e-6)
    torch.testing.assert_close(torch.autograd.grad(fast, logits)[0].double(), gradient, rtol=1e-5, atol=1e-10)
    broken = logits.detach().clone()
    broken[0, labels[0]] = torch.nan
    assert gap_kernel(broken, labels, weight).isnan()


def test_the_module_counts_first_and_scales_the_gradient_alone(roi_batch):
    base = F.cross_entropy
    for deferred in (False, True):
        loss = GAP(num_classes=C, base=dict(type='CrossEntropyLoss'), lambda_=0.3)
        loss.defer_statistics(deferred)
        count = torch.zeros(C, dtype=torch.float64)
        for seed in range(3):
            logits, labels = roi_batch(20, C, extra_channels=1, seed=seed)
            count += labels.bincount(minlength=C + 1)[:C]
            weight = 1 / count.clamp(min=1)
            weight *= C / weight.sum()
            value, gradient = literal(logits[:, :C].detach(), labels, weight.tolist())
            parts = loss(logits, labels, avg_factor=7.0)
            assert parts['loss_rank'].item() == pytest.approx(value)
            torch.testing.assert_close(parts['loss_cls'], base(logits, labels, reduction='sum') / 7)
            (got,) = torch.autograd.grad(parts['loss_rank'], logits)
            torch.testing.assert_close(got, F.pad(0.3 * gradient, (0, 1)), rtol=1e-6, atol=1e-9)
            if deferred:
                loss.flush_statistics(loss.pending_statistics().clone())
        torch.testing.assert_close(loss.class_count, count.float())


def test_it_can_be_added_to_any_loss(roi_batch):
    for kind, options, extra in [
        (SeesawLoss, {}, 2),
        (EQLv2, dict(gamma=3.0), 1),
        ('EQL', dict(lambda_=0.05, class_statistics=STATISTICS), 0),
        ('GroupSoftmax', dict(class_statistics=STATISTICS), 6),
        ('PCB', dict(base=dict(type='SeesawLoss'), alpha=0.1, start_epoch=0), 2),
    ]:
        name = kind if isinstance(kind, str) else kind.__name__
        loss = GAP(num_classes=C, base=dict(type=name, **options))
        logits, labels = roi_batch(9, C, extra_channels=extra)
        parts = loss(logits, labels)
        assert loss.get_cls_channels(C) == C + extra
        assert torch.equal(loss.get_activation(logits), loss.base.get_activation(logits))
        columns = logits[:, getattr(loss.base, 'column_of_class', torch.arange(C))]
        value, _ = literal(columns.detach(), labels, [1.0] * C)
        assert parts['loss_rank'].item() == pytest.approx(value)
        assert len(parts) == (3 if 'seesaw' in repr(loss.base).lower() else 2)


def test_a_perfect_ranking_has_no_error_and_no_gradient():
    logits = torch.full((3, C), -2.0, requires_grad=True)
    labels = torch.tensor([0, 4, C])
    high = logits + 4 * F.one_hot(labels, C + 1)[:, :C]
    rank = gap_kernel(high, labels, torch.ones(C))
    assert rank.item() == 0
    assert not torch.autograd.grad(rank, logits)[0].any()


def test_background_alone_has_no_error(roi_batch):
    logits, labels = roi_batch(9, C, extra_channels=1)
    loss = build('gap')
    assert loss(logits, torch.full_like(labels, C))['loss_rank'].item() == 0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            dict(base=dict(type='FocalLoss')),
            "base of type 'FocalLoss' and num_classes=6; expected 6 classes and a loss",
        ),
        (dict(base=dict(type='EQLv2', num_classes=9)), 'num_classes=9; expected 6 classes'),
        (dict(base=dict(type='EQLv2'), delta=0.0), 'delta=0.0; expected a finite number, above 0'),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        GAP(num_classes=C, **arguments)
