"""Class names that look like the same class."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

_LEAST_LETTERS = 5
_PLURALS = ((re.compile(r'(?<=\w{2})ies$'), 'y'), (re.compile(r'(?<=x|s|z)es$|(?<=sh|ch)es$'), ''))
_PLURAL_S = re.compile(r'(?<=\w{2}[^siu])s$')


class SimilarNames(NamedTuple):
    """Two classes whose names may mean the same.

    Args:
        first: class index.
        second: class index, above `first`.
        why: what they differ in.
    """

    first: int
    second: int
    why: str


def find_similar_names(names: Sequence[str]) -> list[SimilarNames]:
    """Find the names that differ in capitals, separators, order of words or plural, or in one letter of a long word.

    Words of fewer than five letters and numbers must be the same. The cost grows with the letters, not the pairs.

    Args:
        names: of the classes.

    Returns:
        Pairs, those of the same words first; a hint to look at, no proof.

    Example:
        >>> [pair[:2] for pair in find_similar_names(['traffic light', 'Traffic_Lights', 'class 1', 'class 2'])]
        [(0, 1)]
    """
    words = [_words(name) for name in names]
    same: dict[tuple[str, ...], list[int]] = defaultdict(list)
    near: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, each in enumerate(words):
        if each:
            same[tuple(sorted(each))].append(index)
        for key in set(_with_a_letter_less(each)):
            near[key].append(index)
    pairs = {pair: 'the same words' for members in same.values() for pair in combinations(members, 2)}
    for members in near.values():
        for pair in combinations(members, 2):
            pairs.setdefault(pair, 'one letter')
    return sorted(
        (SimilarNames(*pair, why) for pair, why in pairs.items()), key=lambda p: (p.why != 'the same words', p)
    )


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in the singular, without capitals."""
    text = unicodedata.normalize('NFKC', name).casefold()
    return tuple(_singular(word) for word in re.split(r'[\W_]+', text) if word)


def _singular(word: str) -> str:
    for plural, ending in _PLURALS:
        if plural.search(word):
            return plural.sub(ending, word)
    return _PLURAL_S.sub('', word)


def _with_a_letter_less(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words with one letter of one long word left out, marked where; two names of a common one are near."""
    for place, word in enumerate(words):
        if len(word) < _LEAST_LETTERS:
            continue
        yield (*words[:place], str(place), word, *words[place + 1 :])
        for letter in range(len(word)):
            if not word[letter].isdigit():
                shorter = word[:letter] + word[letter + 1 :]
                yield (*words[:place], str(place), shorter, *words[place + 1 :])
