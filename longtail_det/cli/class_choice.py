"""Frequency groups of the classes of a model, and the classes that a user asks for by group or name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import BadRecords, category_groups, load_class_statistics, read_categories
from longtail_det.statistics import FREQUENCY_GROUPS

from .errors import UserError, user_errors

GROUP_OF_NAME = {name: group for group, name in FREQUENCY_GROUPS.items()}


def file_groups(path: str | Path, classes: Sequence[str]) -> list[str]:
    """Return the frequency group of each class, as an annotation file tells it.

    Args:
        path: an LVIS or COCO file, or the class statistics of a training set. `frequency` or `image_count` of its
            categories come first; without, its annotations are counted, which should be those of the training set.
        classes: names.

    Raises:
        UserError: no such file, or it lacks a class.
    """
    with user_errors():
        try:
            categories = read_categories(path, BadRecords(str(path)))
        except ValueError:  # class statistics have no categories
            categories = []
        groups = category_groups(categories)
        if groups is None:
            return load_class_statistics(path).of_classes(classes).frequency.tolist()
        known = {str(category['name']): group for category, group in zip(categories, groups.tolist(), strict=True)}
        missing = [name for name in classes if name not in known]
        if missing:
            raise UserError(f'{path} has no category {missing[0]!r}; give the file of the data that the model is for')
        return [known[name] for name in classes]


def choose_classes(
    wanted: Sequence[str] | None, classes: Sequence[str], groups: Sequence[str], hint: str
) -> NDArray[np.bool_]:
    """Return which classes a user asks for.

    Args:
        wanted: 'rare', 'common', 'frequent' and names of classes; None for all.
        classes: all names.
        groups: 'r', 'c', 'f' of each, or '' where unknown.
        hint: what to do where the groups are unknown.

    Returns:
        (C,) bool.

    Raises:
        UserError: a name that is neither, or a group of which nothing is known, or without a class.
    """
    if wanted is None:
        return np.ones(len(classes), dtype=bool)
    chosen = np.zeros(len(classes), dtype=bool)
    for name in wanted:
        if name in classes:
            chosen |= np.array([each == name for each in classes])
        elif name in GROUP_OF_NAME:
            if not any(groups):
                raise UserError(f'--classes {name}, but nothing tells the groups of the {len(classes)} classes; {hint}')
            found = np.array([group == GROUP_OF_NAME[name] for group in groups])
            if not found.any():
                raise UserError(f'--classes {name}: none of the {len(classes)} classes is {name}')
            chosen |= found
        else:
            close = difflib.get_close_matches(name, [*GROUP_OF_NAME, *classes], n=1)
            hint = (
                f'did you mean {close[0]!r}?' if close else f'expected {", ".join(GROUP_OF_NAME)} or names of classes'
            )
            raise UserError(f'--classes {name}: no such class or group; {hint}')
    return chosen
