"""Activations: -log p and -log(1 - p) with their derivatives, against float64 autograd of the plain formulas."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.functional import Activation, Gumbel, Normal, Sigmoid
from longtail_det.functional.kernels.activations import MUTED, terms_of

PLAIN = {
    Sigmoid(): torch.sigmoid,
    Gumbel(): lambda x: torch.exp(-torch.exp(-x)),
    Gumbel((-4.0, 10.0)): lambda x: torch.exp(-torch.exp(-x.clamp(-4, 10))),
    Normal((-5.0, 5.0)): lambda x: 0.5 * torch.erfc(-x.clamp(-5, 5) / 2**0.5),
}
#: where the plain formulas are still exact in float64
RANGE = {Gumbel(): (-3.5, 12.0), Gumbel((-4.0, 10.0)): (-3.5, 12.0)}
EACH = pytest.mark.parametrize('activation', list(PLAIN), ids=repr)


def plain(activation, x):
    x = x.clone().requires_grad_()
    p = PLAIN[activation](x)
    positive, negative = -torch.log(p), -torch.log1p(-p)
    return [(v.detach(), torch.autograd.grad(v.sum(), x, retain_graph=True)[0]) for v in (positive, negative)]


@EACH
@given(data=st.data())
def test_values_and_derivatives(activation, data):
    low, high = RANGE.get(activation, (-8.0, 8.0))
    x = torch.tensor(data.draw(st.lists(st.floats(low, high), min_size=1, max_size=5)), dtype=torch.float64)
    for ours, expected in zip(
        (terms_of(activation).positive(x), terms_of(activation).negative(x)), plain(activation, x), strict=True
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-9)


@EACH
def test_the_definition_is_the_plain_formula(activation):
    x = torch.linspace(*RANGE.get(activation, (-8.0, 8.0)), 50, dtype=torch.float64, requires_grad=True)
    for ours, (expected, _) in zip(
        (activation.log_p(x), activation.log_not_p(x)), plain(activation, x.detach()), strict=True
    ):
        torch.testing.assert_close(ours.detach(), -expected, rtol=1e-6, atol=1e-9)
    inside = torch.linspace(-3, 4, 9, dtype=torch.float64, requires_grad=True)
    for log in (activation.log_p, activation.log_not_p):
        assert torch.autograd.gradgradcheck(log, (inside,))


def test_an_activation_of_ones_own_needs_its_definition_alone():
    class Laplace(Activation):
        def log_p(self, x):
            return torch.where(x < 0, x - math.log(2), torch.log1p(-0.5 * torch.exp(-x)))

        def log_not_p(self, x):
            return self.log_p(-x)

    x = torch.tensor([-2.0, 1.0])
    value, derivative = terms_of(Laplace()).positive(x)
    torch.testing.assert_close(value, -Laplace().log_p(x))
    torch.testing.assert_close(derivative, torch.tensor([-1.0, -0.5 / (math.e - 0.5)]))


@EACH
def test_float32_has_float64s_precision_to_the_last_digits(activation):
    x = torch.linspace(*RANGE.get(activation, (-8.0, 8.0)), 500)
    for side in (terms_of(activation).positive, terms_of(activation).negative):
        torch.testing.assert_close([v.double() for v in side(x)], list(side(x.double())), rtol=1e-5, atol=1e-30)


@EACH
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_finite_everywhere(activation, dtype):
    x = torch.tensor([-1e4, -200, -90, -45, 0, 45, 90, 200, 1e4], dtype=dtype)
    for value in (*terms_of(activation).positive(x), *terms_of(activation).negative(x), activation.probability(x)):
        assert value.isfinite().all()


@pytest.mark.parametrize('activation', [Sigmoid(), Gumbel()], ids=repr)
@pytest.mark.parametrize('probability', [1e-6, 0.3, 0.999])
def test_logit_is_the_inverse(activation, probability):
    x = torch.tensor(activation.logit(probability), dtype=torch.float64)
    assert activation.probability(x).item() == pytest.approx(probability)


def test_gumbel_is_the_skewed_one():
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    p = Gumbel().probability(x)
    assert p[3].item() == pytest.approx(2.718281828**-1), 'not one half at 0'
    right = torch.tensor(12.0, dtype=torch.float64)
    torch.testing.assert_close(1 - Gumbel().probability(right), right.neg().exp(), rtol=1e-5, atol=0)
    assert (p[1:] > p[:-1]).all()


@EACH
@pytest.mark.parametrize('weighted', [False, True])
@given(
    rows=st.integers(0, 3), columns=st.integers(1, 40), scale=st.sampled_from([0.1, 3.0, 30.0]), seed=st.integers(0, 99)
)
def test_sums_are_the_sums_of_the_terms_that_count(activation, weighted, rows, columns, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    x = scale * torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    kept = torch.randint(2, (rows, columns), generator=generator).double()
    weight = torch.rand(columns, generator=generator, dtype=torch.float64) if weighted else None
    value, gradient = terms_of(activation).negative(x)
    expected = (value * kept * (1.0 if weight is None else weight)).sum(1)
    gradients = torch.empty_like(x)
    sums = terms_of(activation).negative_sums(x + MUTED * (1 - kept), gradients, weight)
    # F.softplus gives x itself right of 20; a muted term of a clamped Gumbel is 2e-24
    torch.testing.assert_close(sums, expected, rtol=1e-8, atol=1e-20)
    torch.testing.assert_close(gradients, gradient * kept, rtol=1e-12, atol=0)


@pytest.mark.parametrize('bias', [-20.0, -6.9, 0.0, 9.0, 1e4])
@pytest.mark.parametrize('activation', [Sigmoid(), Gumbel((-4.0, 10.0))], ids=repr)
def test_sums_in_float32_keep_small_and_large_terms(activation, bias):
    """A thousand terms of 2e-9 or of 1e4 each, and all at one half, the hardest for products."""
    x = bias + torch.randn(5, 1203, generator=torch.Generator().manual_seed(0)) * (bias != 0)
    exact = terms_of(activation).negative(x.double())[0].sum(1)
    sums = terms_of(activation).negative_sums(x, torch.empty_like(x), None)
    torch.testing.assert_close(sums.double(), exact, rtol=2e-6, atol=1e-20)
