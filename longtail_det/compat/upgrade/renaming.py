"""Weights under new names, and what became of every old name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

#: (pattern that a whole old name has to match, its new name in the way of `re.sub`)
Rules = Sequence[tuple[re.Pattern[str], str]]


@dataclass(frozen=True)
class Renamed:
    """Weights by their names in mmdet 3.x.

    Args:
        weights: by new name; those that no rule knows keep the name they had.
        old_names: new name -> name in the source.
        dropped: old name -> why it is not needed.
        classes: class names that the source was trained on, empty where it does not say.
    """

    weights: dict[str, Tensor]
    old_names: dict[str, str]
    dropped: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()


def rename(
    weights: Mapping[str, Tensor], rules: Rules, drop: Mapping[str, str], classes: Sequence[str] = ()
) -> Renamed:
    """Return the weights, renamed by the first rule that fits each name.

    Args:
        weights: by old name.
        rules: tried in order; a name that fits none stays as it is.
        drop: regular expression of a whole old name -> why such a weight is left out; asked before the rules.
        classes: class names to hand on.

    Raises:
        ValueError: two old names become one.
    """
    renamed: dict[str, Tensor] = {}
    old_names: dict[str, str] = {}
    dropped: dict[str, str] = {}
    for old, value in weights.items():
        reason = next((why for pattern, why in drop.items() if re.fullmatch(pattern, old)), None)
        if reason is not None:
            dropped[old] = reason
            continue
        new = _new_name(old, rules)
        if new in renamed:
            raise ValueError(f'{old_names[new]} and {old} would both become {new}; this is no checkpoint of one model')
        renamed[new] = value
        old_names[new] = old
    return Renamed(renamed, old_names, dropped, tuple(classes))


def _new_name(old: str, rules: Rules) -> str:
    for pattern, new in rules:
        match = pattern.fullmatch(old)
        if match:
            return match.expand(new)
    return old
