"""fused_loss: any row loss with its gradient, in blocks, is what autograd would have given."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from longtail_det.functional.kernels import eqlv2_kernel, fused
from longtail_det.functional.kernels.fused import fused_loss, row_blocks


class Softplus:
    """Sum of softplus."""

    def value(self, x, rows):
        return F.softplus(x).sum(1)

    def both(self, x, rows, gradient):
        gradient.copy_(x.sigmoid())
        return self.value(x, rows)


def definition(x):
    return F.softplus(x).sum(1)


@pytest.mark.parametrize('block', [1, 10, 10**6])
def test_blocks_do_not_show(monkeypatch, roi_batch, block):
    monkeypatch.setattr(fused, '_CPU_BLOCK', block)
    logits, _ = roi_batch(7, 5)
    torch.testing.assert_close(fused_loss(logits, Softplus(), definition), F.softplus(logits).sum(1))
    assert torch.autograd.gradcheck(lambda x: fused_loss(x, Softplus(), definition), (logits,))


@pytest.mark.parametrize('num_rows', [0, 1, 7])
def test_blocks_cover_every_row_once(monkeypatch, num_rows):
    monkeypatch.setattr(fused, '_CPU_BLOCK', 10)
    rows = [i for block in row_blocks(torch.zeros(num_rows, 4)) for i in range(num_rows)[block]]
    assert rows == list(range(num_rows))


def test_backward_can_be_repeated_and_differentiated(roi_batch):
    logits, _ = roi_batch(3, 4)
    loss = fused_loss(logits, Softplus(), definition).sum()
    first, second = (torch.autograd.grad(loss, logits, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.autograd.gradgradcheck(lambda x: fused_loss(x * x, Softplus(), definition), (logits,))


def test_without_gradient_none_is_kept(roi_batch):
    logits, _ = roi_batch(3, 4)
    with torch.no_grad():
        assert not fused_loss(logits, Softplus(), definition).requires_grad


def test_autocast_does_not_lower_the_precision(roi_batch):
    logits, labels = roi_batch(6, 4, extra_channels=1)
    logits, weight = logits.detach().float(), torch.linspace(0.1, 1, 4)
    expected = eqlv2_kernel(logits, labels, weight, weight)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert all(map(torch.equal, eqlv2_kernel(logits, labels, weight, weight), expected))
