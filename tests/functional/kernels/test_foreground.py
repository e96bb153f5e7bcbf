"""split_foreground is slicing and indexing, with the gradient in one buffer."""

from __future__ import annotations

import pytest
import torch

from longtail_det.functional.kernels import split_foreground


@pytest.mark.parametrize('rows', [[], [3], [4, 0, 2]])
def test_values_and_gradients_are_those_of_slicing(roi_batch, rows):
    logits, _ = roi_batch(num_classes=5, extra_channels=2)
    rows = torch.tensor(rows, dtype=torch.long)
    weights = torch.randn(7, 7, dtype=torch.float64)

    def total(classes, rest):
        return (classes * weights[rows, :5]).sum() + (rest.exp() * weights[:, 5:]).sum()

    ours, plain = split_foreground(logits, rows, 5), (logits[:, :5][rows], logits[:, 5:])
    torch.testing.assert_close(ours, plain)
    (ours_grad,) = torch.autograd.grad(total(*ours), logits)
    (plain_grad,) = torch.autograd.grad(total(*plain), logits)
    torch.testing.assert_close(ours_grad, plain_grad)
    assert torch.autograd.gradcheck(lambda x: split_foreground(x, rows, 5), (logits,))
    assert torch.autograd.gradgradcheck(lambda x: split_foreground(x * x, rows, 5), (logits,))
