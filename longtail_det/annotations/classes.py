"""Class names and frequency groups against the categories of an annotation file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import FREQUENCY_GROUPS, frequency_group

Category = Mapping[str, Any]


def match_classes(classes: Sequence[str], categories: Sequence[Category]) -> list[int]:
    """Give the category id of every class index, by name.

    Args:
        classes: names in the order of the model's labels; fewer than the file's where a data set was restricted.
        categories: records with `id` and `name`, in any order.

    Returns:
        `len(classes)` category ids.

    Raises:
        ValueError: a name is not among the categories, or is given twice on either side.

    Example:
        >>> match_classes(['cat', 'ant'], [{'id': 3, 'name': 'ant'}, {'id': 8, 'name': 'cat'}])
        [8, 3]
    """
    names = [category['name'] for category in categories]
    for where, given in (('the annotation file', names), ("the data set's classes", list(classes))):
        twice = sorted(name for name in set(given) if given.count(name) > 1) if len(set(given)) < len(given) else []
        if twice:
            raise ValueError(f'class name {twice[0]!r} appears more than once in {where}; names must be unique')
    ids = {category['name']: category['id'] for category in categories}
    missing = [name for name in classes if name not in ids]
    if missing:
        raise ValueError(
            f'{len(missing)} of the {len(classes)} class names of the data set are not among the {len(ids)} categories '
            f'of the annotation file, first {missing[0]!r}; val_evaluator.ann_file must be the file of the data set'
        )
    return [ids[name] for name in classes]


def category_groups(categories: Sequence[Category]) -> NDArray[np.str_] | None:
    """Give the frequency group of every category, from `frequency` or else from `image_count` of the training set.

    Args:
        categories: records of an annotation file.

    Returns:
        (C,) of 'r', 'c' or 'f', in the given order; None where neither field is on every category. Counting
        the file's own annotations would give the groups of a validation set, which mean something else.

    Raises:
        ValueError: a `frequency` other than 'r', 'c' or 'f'.

    Example:
        >>> category_groups([{'image_count': 7}, {'image_count': 700}]).tolist()
        ['r', 'f']
        >>> category_groups([{'id': 1, 'name': 'cat'}]) is None
        True
    """
    if categories and all('frequency' in category for category in categories):
        for category in categories:
            if category['frequency'] not in FREQUENCY_GROUPS:
                raise ValueError(
                    f'category {category["id"]} has frequency {category["frequency"]!r}; '
                    f'expected one of {list(FREQUENCY_GROUPS)}'
                )
        return np.array([category['frequency'] for category in categories])
    if categories and all('image_count' in category for category in categories):
        return frequency_group([category['image_count'] for category in categories])
    return None
