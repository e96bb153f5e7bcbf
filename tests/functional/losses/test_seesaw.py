"""Laws of the Seesaw loss as a function."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.functional.losses import seesaw_loss, seesaw_shift


def paper_loss(logits, labels, counts, p, q, eps):
    """Equations 3 to 6 of the paper, one number at a time."""
    losses = []
    for z, i in zip(logits.tolist(), labels.tolist(), strict=True):
        score = [math.exp(v) / sum(map(math.exp, z)) for v in z]
        denominator = 0.0
        for j, z_j in enumerate(z):
            n_i, n_j = max(counts[i], 1), max(counts[j], 1)
            mitigation = (n_j / n_i) ** p if n_j < n_i else 1.0
            ratio = score[j] / max(score[i], eps)
            compensation = ratio**q if j != i and ratio > 1 else 1.0
            denominator += mitigation * compensation * math.exp(z_j)
        losses.append(-math.log(math.exp(z[i]) / denominator))
    return torch.tensor(losses, dtype=logits.dtype)


@given(
    seed=st.integers(0, 2**16),
    num_rois=st.integers(1, 6),
    num_classes=st.integers(1, 7),
    p=st.sampled_from([0.0, 0.8, 2.0]),
    q=st.sampled_from([0.0, 1.0, 2.0]),
    eps=st.sampled_from([1e-2, 0.3]),
)
def test_equals_the_papers_equations(seed, num_rois, num_classes, p, q, eps):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(num_rois, num_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(num_classes, (num_rois,), generator=generator)
    counts = torch.randint(0, 1000, (num_classes,), generator=generator).double()
    expected = paper_loss(logits, labels, counts.tolist(), p, q, eps)
    torch.testing.assert_close(seesaw_loss(logits, labels, counts, p=p, q=q, eps=eps), expected)


def foreground(roi_batch, **kwargs):
    logits, labels = roi_batch(**kwargs)
    return logits, labels.clamp(max=logits.size(1) - 1)


def test_without_its_factors_it_is_cross_entropy(roi_batch):
    logits, labels = foreground(roi_batch)
    loss = seesaw_loss(logits, labels, torch.rand(5), p=0, q=0)
    torch.testing.assert_close(loss, F.cross_entropy(logits, labels, reduction='none'))


def test_equal_counts_mean_no_mitigation(roi_batch):
    logits, labels = foreground(roi_batch)
    equal, none = torch.full((5,), 70.0), torch.zeros(5)
    torch.testing.assert_close(seesaw_loss(logits, labels, equal), seesaw_loss(logits, labels, none))


def test_shift_spares_rare_classes_only():
    labels = torch.tensor([0, 1])
    shift = seesaw_shift(torch.zeros(2, 3), labels, torch.tensor([1000.0, 10.0, 100.0]))
    shift = shift - shift.gather(1, labels[:, None])
    assert shift[0, 1] < shift[0, 2] < shift[0, 0] == 0, 'rarer classes are pushed less by a frequent label'
    assert shift[1].tolist() == [0, 0, 0], 'a rare label pushes everyone in full'


def test_shift_carries_no_gradient_so_the_gradient_is_a_softmax(roi_batch):
    logits, labels = foreground(roi_batch)
    counts = torch.tensor([900.0, 40, 3, 0, 200])
    (gradient,) = torch.autograd.grad(seesaw_loss(logits, labels, counts).sum(), logits)
    shifted = (logits + seesaw_shift(logits, labels, counts)).detach()
    torch.testing.assert_close(gradient, shifted.softmax(1) - F.one_hot(labels, 5))


def test_rois_are_independent(roi_batch):
    logits, labels = foreground(roi_batch)
    counts, order = torch.arange(5.0), torch.randperm(7, generator=torch.Generator().manual_seed(1))
    loss = seesaw_loss(logits, labels, counts)
    torch.testing.assert_close(seesaw_loss(logits[order], labels[order], counts), loss[order])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_huge_logits_stay_finite(dtype):
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], dtype=dtype, requires_grad=True)
    loss = seesaw_loss(logits, torch.tensor([1, 1]), torch.tensor([1e6, 1.0, 0.0]))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert loss.isfinite().all()
    assert gradient.isfinite().all()


def test_no_roi_gives_no_loss():
    loss = seesaw_loss(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.ones(4))
    assert loss.shape == (0,)
