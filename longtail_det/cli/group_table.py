"""Rows of a table by frequency group."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

#: sets group, classes, two spans or sums, and a sum
row = '{:<10} {:>8} {:>13} {:>16} {:>14}'.format


def span(counts: NDArray[Any]) -> str:
    """Return the least and the greatest of some counts, `-` of none."""
    return f'{counts.min()}-{counts.max()}' if counts.size else '-'
