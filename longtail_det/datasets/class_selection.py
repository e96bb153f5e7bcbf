"""Which categories of an annotation file are the classes of the model, in which order and in which colours."""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

_GOLDEN_RATIO = 0.618034
_MAX_LISTED = 3


def wanted_classes(metainfo: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Read the class names that a config asks for.

    Args:
        metainfo: of the data set; `classes` may be missing or None for all classes of the file.

    Raises:
        ValueError: `classes` is no list of names, is empty or has a name twice.
    """
    wanted = metainfo.get('classes')
    if wanted is None:
        return None
    if isinstance(wanted, str) or not isinstance(wanted, Sequence) or not all(isinstance(c, str) for c in wanted):
        raise ValueError(
            f"metainfo['classes'] is {wanted!r}; expected a list of names or a text file of one name per line"
        )
    repeated = [name for name, count in Counter(wanted).items() if count > 1]
    if repeated or not wanted:
        what = f'names {_listed(repeated)} more than once' if repeated else 'is empty'
        raise ValueError(
            f"metainfo['classes'] {what}; name each class once, or leave it out for all classes of the file"
        )
    return tuple(wanted)


def select_categories(
    categories: Sequence[Mapping[str, Any]], classes: Sequence[str] | None, path: str
) -> list[Mapping[str, Any]]:
    """Pick the categories that `metainfo=dict(classes=...)` names.

    Args:
        categories: category records, ascending by id.
        classes: names in the order of the model's classes; None for all, in the order of `categories`.
        path: the file, as messages name it.

    Returns:
        One record per class.

    Raises:
        ValueError: a class is unknown or the name of two categories.
    """
    if classes is None:
        return list(categories)
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for category in categories:
        by_name.setdefault(category['name'], []).append(category)
    unknown = [name for name in classes if name not in by_name]
    if unknown:
        close = get_close_matches(unknown[0], by_name, n=_MAX_LISTED)
        hint = f'did you mean {" or ".join(map(repr, close))}?' if close else f'it has {_listed(list(by_name))}'
        raise ValueError(
            f"metainfo['classes'] names {_listed(unknown)}, not among the {len(by_name)} categories of {path}; {hint}"
        )
    ambiguous = [name for name in classes if len(by_name[name]) > 1]
    if ambiguous:
        ids = [category['id'] for category in by_name[ambiguous[0]]]
        raise ValueError(f'{path}: categories {ids} are all named {ambiguous[0]!r}; rename them to select one')
    return [by_name[name][0] for name in classes]


def make_palette(num_classes: int) -> list[tuple[int, int, int]]:
    """Give every class a colour, the same in every run; neighbours are far apart on the colour wheel.

    Args:
        num_classes: C, any number.

    Returns:
        C colours, each red, green, blue in [0, 255].

    Example:
        >>> make_palette(2)
        [(242, 48, 48), (48, 105, 242)]
    """
    colours = []
    for c in range(num_classes):
        hue = c * _GOLDEN_RATIO % 1
        red, green, blue = colorsys.hsv_to_rgb(hue, (0.8, 0.55)[c // 3 % 2], (0.95, 0.75)[c // 7 % 2])
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colours


def _listed(names: Sequence[str]) -> str:
    more = f' and {len(names) - _MAX_LISTED} more' if len(names) > _MAX_LISTED else ''
    return ', '.join(map(repr, names[:_MAX_LISTED])) + more
