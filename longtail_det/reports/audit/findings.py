"""What is wrong with the balance of a data set, each with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .names import SimilarNames
from .split import Split

#: objects of a class below which each of them moves its recall by more than 20 %
FEW_OBJECTS = 5


@dataclass(frozen=True)
class Finding:
    """Something wrong.

    Args:
        kind: a name for programs.
        text: what was found.
        advice: what to do.
        names: the classes, or examples of records.
    """

    kind: str
    text: str
    advice: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValCounts:
    """What a validation set has of the classes of the training set, by name.

    Args:
        images: (C,) int64 validation images that show the class.
        objects: (C,) int64 validation objects of the class.
        known: (C,) bool, the validation file has a category of this name.
        only_val: names that the validation file alone has, and their objects.
    """

    images: NDArray[np.int64]
    objects: NDArray[np.int64]
    known: NDArray[np.bool_]
    only_val: dict[str, int]


def match_classes(train: Split, val: Split) -> ValCounts:
    """Count the validation objects of the training classes, which are the same where the names are.

    Args:
        train: training set.
        val: validation set.
    """
    row_of = {name: row for row, name in enumerate(val.names)}
    rows = np.array([row_of.get(name, -1) for name in train.names], dtype=np.int64)
    known = rows >= 0
    images, objects = (
        np.where(known, counts[rows], 0) for counts in (val.statistics.image_count, val.statistics.instance_count)
    )
    trained = set(train.names)
    objects_of = zip(val.names, val.statistics.instance_count.tolist(), strict=True)
    only_val = {name: number for name, number in objects_of if name not in trained}
    return ValCounts(images, objects, known, only_val)


def find_problems(
    train: Split, val: Split | None, counts: ValCounts | None, similar: Sequence[SimilarNames]
) -> list[Finding]:
    """Return what is wrong, what spoils results most first.

    Args:
        train: training set.
        val: validation set.
        counts: of the training classes in `val`.
        similar: names of training classes that may mean the same.
    """
    splits = [split for split in (train, val) if split is not None]
    found = [_bad_records(split) for split in splits]
    found.append(_untrained(train, counts))
    if val is not None and counts is not None:
        found += [_unknown_to_training(val, counts), _unmeasured(counts, train), _hardly_measured(counts, train)]
    found += [_on_one_image(train), _similar(train, similar)]
    found += [finding for split in splits for finding in (_groups(split), _tiny(split))]
    return [finding for finding in found if finding is not None]


def _bad_records(split: Split) -> Finding | None:
    if not split.num_bad:
        return None
    kinds = ', '.join(f'{count} {kind}' for kind, count in split.bad.counts.items())
    examples = tuple(example for examples in split.bad.examples.values() for example in examples)
    advice = "repair them, or train without them by on_bad='skip' of LVISDataset; they are left out here"
    return Finding('bad_records', f'{split.path}: {kinds}', advice, examples)


def _untrained(train: Split, counts: ValCounts | None) -> Finding | None:
    never = train.trained_count == 0
    if not never.any():
        return None
    text = f'{_classes(never)} in no training instance'
    tested = 0 if counts is None else int((counts.objects[never] > 0).sum())
    text += f'; validation has objects of {tested} of them, whose AP will be 0' if tested else ''
    advice = 'label some, or leave these classes out (metainfo classes), as each takes a column of the classifier'
    return Finding('never_trained', text, advice, _names(train, never))


def _unknown_to_training(val: Split, counts: ValCounts) -> Finding | None:
    if not counts.only_val:
        return None
    objects = sum(counts.only_val.values())
    text = f'{_count(len(counts.only_val), "class", "classes")} of {val.path}, with {objects} objects, not in training'
    advice = 'name the classes alike in both files, as they are matched by name'
    return Finding('unknown_to_training', text, advice, tuple(counts.only_val))


def _unmeasured(counts: ValCounts, train: Split) -> Finding | None:
    without = (counts.objects == 0) & (train.statistics.image_count > 0)
    if not without.any():
        return None
    unnamed = int((without & ~counts.known).sum())
    text = f'{_classes(without)} trained but without a validation object, so AP says nothing of them'
    text += f' ({unnamed} not even named there)' if unnamed else ''
    return Finding('unmeasured', text, 'move images of these classes to validation', _names(train, without))


def _hardly_measured(counts: ValCounts, train: Split) -> Finding | None:
    few = (counts.objects > 0) & (counts.objects < FEW_OBJECTS)
    if not few.any():
        return None
    text = f'{_classes(few)} measured on fewer than {FEW_OBJECTS} validation objects; each moves recall by over 20 %'
    advice = 'compare methods with intervals (longtail-det compare), not by the AP of these classes'
    return Finding('hardly_measured', text, advice, _names(train, few))


def _on_one_image(train: Split) -> Finding | None:
    single = train.statistics.image_count == 1
    if not single.any():
        return None
    text = f'{_classes(single)} on a single training image, which resampling shows again and again'
    return Finding('one_image', text, 'label more, or paste their objects (RareCopyPaste)', _names(train, single))


def _similar(train: Split, similar: Sequence[SimilarNames]) -> Finding | None:
    if not similar:
        return None
    names = train.names
    pairs = tuple(f'{names[pair.first]} / {names[pair.second]} ({pair.why})' for pair in similar)
    text = f'{_count(len(pairs), "pair", "pairs")} of class names that look alike'
    return Finding('similar_names', text, 'merge what is one class: each half is rarer than the whole', pairs)


def _groups(split: Split) -> Finding | None:
    if not split.num_groups:
        return None
    text = f'{split.path}: {split.num_groups} boxes marked as a group of objects (is_group_of) and not as iscrowd'
    return Finding('groups', text, 'set iscrowd to 1 in them, or each is trained and scored as one object')


def _tiny(split: Split) -> Finding | None:
    if not split.num_tiny:
        return None
    text = f'{split.path}: {split.num_tiny} instances with a side below one pixel or no area'
    return Finding('tiny', text, 'nothing, if few: they are counted but never trained on')


def _names(train: Split, rows: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(train.names[row] for row in np.flatnonzero(rows))


def _classes(rows: NDArray[np.bool_]) -> str:
    number = int(rows.sum())
    return f'{number} class is' if number == 1 else f'{number} classes are'


def _count(number: int, singular: str, plural: str) -> str:
    return f'{number} {singular if number == 1 else plural}'
