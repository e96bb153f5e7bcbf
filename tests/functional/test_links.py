"""Link functions: -log p and -log(1 - p) with their derivatives, against float64 autograd of the plain formulas."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.functional import Gumbel, Normal, Sigmoid

PLAIN = {
    Sigmoid(): torch.sigmoid,
    Gumbel(): lambda x: torch.exp(-torch.exp(-x)),
    Gumbel((-4.0, 10.0)): lambda x: torch.exp(-torch.exp(-x.clamp(-4, 10))),
    Normal((-5.0, 5.0)): lambda x: 0.5 * torch.erfc(-x.clamp(-5, 5) / 2**0.5),
}
#: where the plain formulas are still exact in float64
RANGE = {Gumbel(): (-3.5, 12.0), Gumbel((-4.0, 10.0)): (-3.5, 12.0)}
LINKS = pytest.mark.parametrize('link', list(PLAIN), ids=repr)


def plain(link, x):
    x = x.clone().requires_grad_()
    p = PLAIN[link](x)
    positive, negative = -torch.log(p), -torch.log1p(-p)
    return [(v.detach(), torch.autograd.grad(v.sum(), x, retain_graph=True)[0]) for v in (positive, negative)]


@LINKS
@given(data=st.data())
def test_values_and_derivatives(link, data):
    low, high = RANGE.get(link, (-8.0, 8.0))
    x = torch.tensor(data.draw(st.lists(st.floats(low, high), min_size=1, max_size=5)), dtype=torch.float64)
    for ours, expected in zip((link.positive(x), link.negative(x)), plain(link, x), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-9)


@LINKS
def test_float32_has_float64s_precision_to_the_last_digits(link):
    x = torch.linspace(*RANGE.get(link, (-8.0, 8.0)), 500)
    for side in (link.positive, link.negative):
        torch.testing.assert_close([v.double() for v in side(x)], list(side(x.double())), rtol=1e-5, atol=1e-30)


@LINKS
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_finite_everywhere(link, dtype):
    x = torch.tensor([-1e4, -200, -90, -45, 0, 45, 90, 200, 1e4], dtype=dtype)
    for value in (*link.positive(x), *link.negative(x), link.probability(x)):
        assert value.isfinite().all()


@pytest.mark.parametrize('link', [Sigmoid(), Gumbel()], ids=repr)
@pytest.mark.parametrize('probability', [1e-6, 0.3, 0.999])
def test_inverse(link, probability):
    x = torch.tensor(link.inverse(probability), dtype=torch.float64)
    assert link.probability(x).item() == pytest.approx(probability)


def test_gumbel_is_the_skewed_one():
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    p = Gumbel().probability(x)
    assert p[3].item() == pytest.approx(2.718281828**-1), 'not one half at 0'
    right = torch.tensor(12.0, dtype=torch.float64)
    torch.testing.assert_close(1 - Gumbel().probability(right), right.neg().exp(), rtol=1e-5, atol=0)
    assert (p[1:] > p[:-1]).all()


@LINKS
def test_value_and_derivative_alone_are_those_of_both(link):
    x = torch.linspace(-6, 6, 25, dtype=torch.float64)
    value, gradient = link.negative(x)
    assert torch.equal(link.negative_value(x), value)
    assert torch.equal(link.negative_gradient(x), gradient)
