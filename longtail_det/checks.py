"""Checks of what a user gives: options by name, each mistake one line (found, expected)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any


class InputError(ValueError):
    """An input that cannot be used: the user's to mend, whenever it is noticed."""


def number(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Return an option that is a finite number in a range.

    Args:
        name: of the option.
        value: as it was given.
        low: smallest value.
        high: largest value.
        above: what it must exceed, instead of `low`.
        below: what it must stay under, instead of `high`.

    Raises:
        ValueError: names the option, the value and the range.

    Example:
        >>> number('p', 0.8, 0)
        0.8
        >>> number('p', float('nan'), 0)
        Traceback (most recent call last):
        ValueError: p=nan; expected a finite number, at least 0
    """
    given: Any = value
    fine = is_finite(given) and low <= given <= high
    if not fine or not (above is None or given > above) or not (below is None or given < below):
        raise ValueError(f'{name}={value!r:.80}; expected a finite number{_range(low, high, above, below)}')
    return given


def whole(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """Return an option that is a whole number in a range.

    Args:
        name: of the option.
        value: as it was given.
        low: smallest value.
        high: largest value.

    Raises:
        ValueError: names the option, the value and the range.

    Example:
        >>> whole('num_classes', 0, 1)
        Traceback (most recent call last):
        ValueError: num_classes=0; expected a whole number, at least 1
    """
    bounds, given = (-math.inf if low is None else low, math.inf if high is None else high), value
    if not isinstance(value, Integral) or isinstance(value, bool) or not bounds[0] <= given <= bounds[1]:
        raise ValueError(f'{name}={value!r:.80}; expected a whole number{_range(*bounds)}')
    return int(value)


def numbers(name: str, values: Any, count: int | None = None, **bounds: float) -> tuple[float, ...]:
    """Return an option that is a list of finite numbers in a range.

    Args:
        name: of the option.
        values: as they were given.
        count: how many there must be.
        bounds: see `number`.

    Raises:
        ValueError: names the option, and what is wrong with it.

    Example:
        >>> numbers('scale_range', (0.5, 1.5), 2, above=0)
        (0.5, 1.5)
    """
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != (count or len(values)):
        raise ValueError(f'{name}={values!r:.80}; expected a list of {count or "finite"} numbers')
    return tuple(number(f'{name}[{place}]', value, **bounds) for place, value in enumerate(values))


def probability(name: str, value: Any) -> float:
    """Return an option that is a number in [0, 1].

    Args:
        name: of the option.
        value: as it was given.

    Raises:
        ValueError: names the option and the value.
    """
    return number(name, value, 0, 1)


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return an option that is one of some texts.

    Args:
        name: of the option.
        value: as it was given.
        choices: the texts.

    Raises:
        ValueError: names the option, the value and the texts.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f'{name}={value!r:.80}; expected one of {list(choices)}')
    return value


def is_finite(value: Any) -> bool:
    """Return whether a value is a number, neither NaN nor infinite, that a float can hold.

    Args:
        value: any; a bool is no number.
    """
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _range(low: float, high: float, above: float | None = None, below: float | None = None) -> str:
    lower = f'above {above}' if above is not None else f'at least {low}' if low > -math.inf else ''
    upper = f'below {below}' if below is not None else f'at most {high}' if high < math.inf else ''
    return ''.join(f', {part}' for part in (' and '.join(filter(None, (lower, upper))),) if part)
