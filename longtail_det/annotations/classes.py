"""Which categories of an annotation file are the classes of a model, and how frequent each is in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import FREQUENCY_GROUPS, frequency_group

from .record_faults import is_integer

Category = Mapping[str, Any]
_MAX_LISTED = 3


def check_classes(classes: Any) -> tuple[str, ...]:
    """Return the class names that a config or a dataset gives, if they can be class names.

    Args:
        classes: a list of names.

    Raises:
        ValueError: `classes` is no list of names, is empty or has a name twice.
    """
    if isinstance(classes, str) or not isinstance(classes, Sequence) or not all(isinstance(c, str) for c in classes):
        raise ValueError(
            f"metainfo['classes'] is {classes!r}; expected a list of names or a text file of one name per line"
        )
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    if repeated or not classes:
        what = f'names {_listed(repeated)} more than once' if repeated else 'is empty'
        raise ValueError(
            f"metainfo['classes'] {what}; name each class once, or leave it out for all classes of the file"
        )
    return tuple(classes)


def select_categories(categories: Sequence[Category], classes: Sequence[str] | None, path: str) -> list[Category]:
    """Select the categories that `metainfo=dict(classes=...)` names.

    Args:
        categories: records with `id` and `name`.
        classes: names in the order of the model's labels; None for all, in the order of `categories`.
        path: the file, as messages name it.

    Returns:
        One record per class.

    Raises:
        ValueError: a class is unknown, is named twice, or is the name of two categories.

    Example:
        >>> ants = [{'id': 3, 'name': 'ant'}, {'id': 8, 'name': 'cat'}]
        >>> [category['id'] for category in select_categories(ants, ['cat', 'ant'], 'val.json')]
        [8, 3]
    """
    if classes is None:
        return list(categories)
    by_name: dict[str, list[Category]] = {}
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
    return [by_name[name][0] for name in check_classes(classes)]


def category_groups(categories: Sequence[Category]) -> NDArray[np.str_] | None:
    """Return the frequency group of every category, from `frequency` or else from `image_count` of the training set.

    Args:
        categories: records of an annotation file.

    Returns:
        (C,) of 'r', 'c' or 'f', in the given order; None where neither field is on every category. Counting
        the file's own annotations would give the groups of a validation set, which mean something else.

    Raises:
        ValueError: a `frequency` other than 'r', 'c' or 'f', or an `image_count` that is none.

    Example:
        >>> category_groups([{'image_count': 7}, {'image_count': 700}]).tolist()
        ['r', 'f']
        >>> category_groups([{'id': 1, 'name': 'cat'}]) is None
        True
    """
    if categories and all('frequency' in category for category in categories):
        for category in categories:
            if not isinstance(category['frequency'], str) or category['frequency'] not in FREQUENCY_GROUPS:
                raise ValueError(
                    f'category {category["id"]} has frequency {category["frequency"]!r:.40}; '
                    f'expected one of {list(FREQUENCY_GROUPS)}'
                )
        return np.array([category['frequency'] for category in categories])
    counts = category_image_counts(categories)
    return None if counts is None else frequency_group(counts)


def category_image_counts(categories: Sequence[Category]) -> NDArray[np.int64] | None:
    """Return the training images of every category, which LVIS writes into the files of all its splits.

    Args:
        categories: records of an annotation file.

    Returns:
        (C,) in the given order; None where `image_count` is not on every category.

    Raises:
        ValueError: an `image_count` that is none.

    Example:
        >>> category_image_counts([{'image_count': 7}, {'image_count': 700}]).tolist()
        [7, 700]
    """
    if not categories or any('image_count' not in category for category in categories):
        return None
    for category in categories:
        if not is_integer(category['image_count']) or category['image_count'] < 0:
            found = f'image_count {category["image_count"]!r:.40}'
            raise ValueError(f'category {category["id"]} has {found}; expected a number of training images')
    return np.array([category['image_count'] for category in categories], dtype=np.int64)


def _listed(names: Sequence[str]) -> str:
    more = f' and {len(names) - _MAX_LISTED} more' if len(names) > _MAX_LISTED else ''
    return ', '.join(map(repr, names[:_MAX_LISTED])) + more
