"""label_linear is a linear layer of C * B outputs, read at each row's own class."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from longtail_det.functional.ops import label_linear


def arguments(rows, *, bias=True, dtype=torch.float64):
    generator = torch.Generator().manual_seed(rows)
    features, weight, offset = (torch.randn(*s, generator=generator).to(dtype) for s in ((rows, 5), (28, 5), (28,)))
    labels = torch.randint(7, (rows,), generator=generator)
    return features, labels, weight, offset if bias else None


def dense(features, labels, weight, bias):
    return F.linear(features, weight, bias).view(len(features), 7, 4)[torch.arange(len(features)), labels]


@pytest.mark.parametrize('rows', [0, 1, 9, 1500])
@pytest.mark.parametrize('bias', [False, True])
@pytest.mark.parametrize('grad', [False, True])
def test_values_and_gradients_are_the_dense_ones(rows, bias, grad):
    """1500 rows without gradient go in chunks."""
    features, labels, weight, offset = arguments(rows, bias=bias)
    leaves = [x.requires_grad_() for x in (features, weight, offset) if x is not None and grad]
    found, expected = label_linear(features, labels, weight, offset, 7), dense(features, labels, weight, offset)
    torch.testing.assert_close(found, expected)
    assert found.shape == (rows, 4)
    if grad:
        gradients = (torch.autograd.grad(out.square().sum(), leaves) for out in (found, expected))
        torch.testing.assert_close(*gradients)


def test_gradcheck():
    features, labels, weight, bias = arguments(3)
    leaves = [x.requires_grad_() for x in (features, weight, bias)]
    assert torch.autograd.gradcheck(lambda f, w, b: label_linear(f, labels, w, b, 7), leaves)


@pytest.mark.parametrize('rows', [6, 1200])
def test_dtype_under_autocast_is_that_of_linear(rows):
    features, labels, weight, bias = arguments(rows, dtype=torch.float32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found, expected = label_linear(features, labels, weight, bias, 7), dense(features, labels, weight, bias)
    assert found.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.05)
