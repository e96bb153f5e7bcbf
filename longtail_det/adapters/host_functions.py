"""A host's own function with another meaning of a few global names: what no argument of it lets us change."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any


def rebind(function: Callable[..., Any], **names: Any) -> Callable[..., Any]:
    """Return a copy of a function in which global names mean something else.

    The host is not changed, as it would be by a patch of its module: other models, and other threads, see nothing.

    Args:
        function: plain Python.
        names: global name -> what it means in the copy.

    Raises:
        RuntimeError: the function does not use one of the names, as in a release of the host that was not tested.

    Example:
        >>> def area(radius):
        ...     return PI * radius**2
        >>> rebind(area, PI=3)(2)
        12
    """
    assert isinstance(function, FunctionType)
    missing = sorted(set(names) - set(function.__code__.co_names))
    if missing:
        raise RuntimeError(
            f'{function.__module__}.{function.__qualname__} does not use {missing[0]!r}: this release of the host is '
            'not supported; docs/adapters.md lists those that were tested'
        )
    meanings = {**function.__globals__, **names}
    copy = FunctionType(function.__code__, meanings, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
