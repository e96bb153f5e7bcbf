"""Wrappers are looked through for the first that knows."""

from __future__ import annotations

from types import SimpleNamespace

from longtail_det.sampling import unwrap


def test_the_outermost_that_knows_or_the_innermost():
    inner = SimpleNamespace(statistics=1)
    middle = SimpleNamespace(dataset=inner, factors=2)
    outer = SimpleNamespace(dataset=middle)
    assert unwrap(outer, 'factors') is unwrap(outer, 'factors', 'statistics') is middle
    assert unwrap(outer, 'statistics') is inner
    assert unwrap(outer, 'nothing') is inner
    assert unwrap(outer, 'dataset') is outer
