from __future__ import annotations

import pytest
import torch
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss


def batch(device):
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(40, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(6, (40,), generator=generator)
    return logits.to(device).requires_grad_(), labels.to(device)


@pytest.mark.parametrize(('gamma', 'alpha'), [(2.0, 0.25), (0.0, 0.5), (1.5, 0.9)])
def test_values_and_gradients_are_those_of_the_formula(our_ops, device, gamma, alpha):
    logits, labels = batch(device)
    found = our_ops.sigmoid_focal_loss(logits, labels, gamma, alpha, None, 'none')
    positive = torch.nn.functional.one_hot(labels, 6)[:, :-1]
    expected = py_sigmoid_focal_loss(logits, positive, gamma=gamma, alpha=alpha, reduction='none')
    torch.testing.assert_close(found, expected)
    upstream = torch.rand_like(found)
    (gradient,) = torch.autograd.grad(found, logits, upstream)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, logits, upstream)[0])


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_reductions(our_ops, device, reduction):
    logits, labels = batch(device)
    each = our_ops.sigmoid_focal_loss(logits, labels, 2.0, 0.25, None, 'none').sum()
    found = our_ops.sigmoid_focal_loss(logits, labels, 2.0, 0.25, None, reduction)
    torch.testing.assert_close(found, each / 40 if reduction == 'mean' else each)


def test_a_weight_is_that_of_the_label_and_background_has_none(our_ops, device):
    logits, labels = batch(device)
    weight = torch.arange(2.0, 7.0, dtype=torch.float64, device=device)
    plain = our_ops.sigmoid_focal_loss(logits, labels, 2.0, 0.25, None, 'none')
    found = our_ops.sigmoid_focal_loss(logits, labels, 2.0, 0.25, weight, 'none')
    factor = torch.cat([weight, weight.new_ones(1)])[labels]
    torch.testing.assert_close(found, plain * factor[:, None])


def test_single_precision_and_no_box(our_ops, device):
    logits, labels = batch(device)
    half = logits.detach().half().requires_grad_()
    loss = our_ops.sigmoid_focal_loss(half, labels, 2.0, 0.25, None, 'sum')
    assert loss.isfinite()
    loss.backward()
    assert half.grad.dtype == torch.float16
    assert our_ops.sigmoid_focal_loss(logits[:0], labels[:0], 2.0, 0.25, None, 'none').shape == (0, 5)
