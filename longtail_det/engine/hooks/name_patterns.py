"""Selecting parameters and modules of a model by patterns of their dotted names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase


def select_names(patterns: Sequence[str], names: Iterable[str], option: str) -> set[str]:
    """Return the names that a pattern matches, and all names inside of those.

    Args:
        patterns: dotted names such as 'roi_head.bbox_head', or shell patterns of them such as 'backbone.layer[12]';
            `*` matches dots too.
        names: dotted names to choose from.
        option: what the user called the patterns, for the error.

    Returns:
        The chosen names.

    Raises:
        ValueError: no pattern, or one that matches nothing.

    Example:
        >>> sorted(select_names(['head.fc*'], ['neck', 'head', 'head.fc1', 'head.fc1.weight'], 'frozen'))
        ['head.fc1', 'head.fc1.weight']
    """
    if isinstance(patterns, str) or not patterns:
        raise ValueError(f"{option}={patterns!r}; expected a list of names or patterns such as ['backbone', 'neck']")
    names = [name for name in names if name]
    selected: set[str] = set()
    for pattern in patterns:
        matched = {name for name in names if fnmatchcase(name, pattern)}
        if not matched:
            raise ValueError(f'{option}: {pattern!r} matches no part of the model{_suggest(pattern, names)}')
        selected |= matched
    return {name for name in names if any(part in selected for part in _ancestors(name))}


def _ancestors(name: str) -> Iterable[str]:
    """Yield a dotted name and those of the modules around it."""
    parts = name.split('.')
    return ('.'.join(parts[:length]) for length in range(1, len(parts) + 1))


def _suggest(pattern: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(pattern, names, n=3, cutoff=0.5)
    if close:
        return f'; did you mean {" or ".join(close)}?'
    return f'; its parts are {", ".join(sorted({name.split(".")[0] for name in names}))}'
