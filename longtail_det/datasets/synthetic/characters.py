"""The classes: characters of many scripts that can be told apart by their shape alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from .outlines import FONTS, fonts_with, outline, rasterise, rotation, transform_outline

MAX_CLASSES = 1203

# Rows of code points (first, last) of each script, the everyday characters before the odd ones.
_SCRIPTS = {
    'latin': [(0x41, 0x5A), (0x61, 0x7A), (0xC6, 0xFE), (0x100, 0x24F), (0x250, 0x2AF), (0x1D00, 0x1D7F)],
    'greek': [(0x391, 0x3A9), (0x3B1, 0x3C9), (0x370, 0x3FF)],
    'cyrillic': [(0x410, 0x44F), (0x400, 0x52F)],
    'digits': [(0x30, 0x39)],
    'armenian': [(0x531, 0x587)],
    'georgian': [(0x10D0, 0x10F0), (0x10A0, 0x10FF)],
    'hebrew': [(0x5D0, 0x5EA)],
    'arabic': [(0x621, 0x64A), (0x66E, 0x6FF)],
    'mathematics': [(0x2200, 0x22FF), (0x27C0, 0x27EF), (0x2980, 0x2AFF)],
    'arrows': [(0x2190, 0x21FF), (0x27F0, 0x27FF), (0x2900, 0x297F)],
}
# Taken in turn once all of the above are used up.
_FURTHER_SCRIPTS = {
    'shapes': [(0x25A0, 0x25FF)],
    'symbols': [(0x2600, 0x26FF)],
    'dingbats': [(0x2701, 0x27BF)],
    'currencies': [(0x24, 0x24), (0xA2, 0xA5), (0x20A0, 0x20BF)],
    'tifinagh': [(0x2D30, 0x2D7F)],
    'canadian': [(0x1401, 0x167F)],
    'nko': [(0x7C0, 0x7FF)],
    'lao': [(0xE81, 0xEDF)],
    'technical': [(0x2300, 0x23FF)],
    'letterlike': [(0x2100, 0x218F)],
}
# Thinner shapes have boxes too narrow to be found.
_MIN_ASPECT = 0.35
# Two shapes are too close if, turned and moved against each other by one of these angles and moves, they share more
# than this much of their area. The clearly distinct come first, so that a small choice is an easy one; with the rest
# there are enough for MAX_CLASSES.
_MAX_OVERLAPS = (0.6, 0.75)
_ANGLES = (0, -20, 20)
# Rows and columns; a dot above or below moves the rest of a letter within its box.
_MOVES = ((0, 0), (-2, 0), (-1, 0), (1, 0), (2, 0), (0, -2), (0, -1), (0, 1), (0, 2))
# Side of a shape, of the raster on which it is compared, and what the moves need around that.
_SIDE = 16
_RASTER = 20
_MARGIN = 2


def class_name(char: str) -> str:
    """Name a character in plain ascii, after its Unicode name.

    Example:
        >>> class_name('a'), class_name('Ω'), class_name('7'), class_name('א')
        ('latin_small_a', 'greek_capital_omega', 'digit_seven', 'hebrew_alef')
    """
    words = unicodedata.name(char).replace('-', ' ').split()
    return '_'.join(word for word in words if word != 'LETTER').lower()


@cache
def choose_characters(num_classes: int) -> tuple[str, ...]:
    """Choose the characters of the first classes, taking one script after the other in turn.

    A character whose shape is too close to an earlier one's, in any font and up to size and a turn that the
    rendering can make, is passed over: Greek Alpha after Latin A. A shorter choice is the beginning of a longer one.

    Args:
        num_classes: from 1 to `MAX_CLASSES`.

    Returns:
        `num_classes` different characters.

    Raises:
        ValueError: `num_classes` is out of range.

    Example:
        >>> ''.join(choose_characters(3))
        'A0Ա'
    """
    if not 1 <= num_classes <= MAX_CLASSES:
        raise ValueError(f'num_classes is {num_classes}; expected 1 to {MAX_CLASSES}')
    chosen: dict[str, None] = {}
    templates = _Templates(num_classes * len(FONTS))
    for max_overlap in _MAX_OVERLAPS:
        for char in _candidates():
            if len(chosen) == num_classes:
                return tuple(chosen)
            if char not in chosen and templates.overlap_of(char) <= max_overlap:
                templates.add(char)
                chosen[char] = None
    assert len(chosen) == num_classes, f'the fonts of this matplotlib give only {len(chosen)} distinct characters'
    return tuple(chosen)


class _Templates:
    """The shapes of the characters chosen so far, in all fonts in which they are compared."""

    def __init__(self, capacity: int) -> None:
        self._shapes = np.empty((capacity, _RASTER**2), dtype=np.float32)
        self._size = 0
        self._known: dict[str, tuple[float, int]] = {}

    def add(self, char: str) -> None:
        """Take in a character."""
        for font in _compared_fonts(char):
            self._shapes[self._size] = _cut(_shape(font, char, 0), 0, 0).ravel()
            self._size += 1

    def overlap_of(self, char: str) -> float:
        """Give the largest intersection over union of a character, in any pose, with any shape taken in; 0 if none."""
        overlap, seen = self._known.get(char, (0.0, 0))
        others = self._shapes[seen : self._size]
        if len(others):
            poses = _poses(char)
            shared = poses @ others.T
            iou = shared / (poses.sum(axis=1)[:, None] + others.sum(axis=1) - shared)
            overlap = max(overlap, float(iou.max()))
        self._known[char] = overlap, self._size
        return overlap


def _candidates() -> Iterator[str]:
    """Yield the usable characters, one of each script in turn."""
    for scripts in (_SCRIPTS, _FURTHER_SCRIPTS):
        columns = [filter(_is_usable, _characters(rows)) for rows in scripts.values()]
        yield from (char for turn in zip_longest(*columns) for char in turn if char is not None)


def _characters(rows: Iterable[tuple[int, int]]) -> Iterator[str]:
    codes = chain.from_iterable(range(first, last + 1) for first, last in rows)
    return map(chr, dict.fromkeys(codes))


@cache
def _is_usable(char: str) -> bool:
    """Say whether a character stands alone (no accent, no ligature, no modifier) and is not too thin."""
    category = unicodedata.category(char)
    if category[0] not in 'LNS' or category == 'Lm' or unicodedata.normalize('NFKD', char) != char:
        return False
    spans = [np.ptp(np.concatenate(outline(font, char)), axis=0).min() for font in _compared_fonts(char)]
    return bool(spans) and min(spans) >= _MIN_ASPECT


def _compared_fonts(char: str) -> list[str]:
    """Name the fonts in which a character is compared: a bold face has the shapes of its regular face."""
    return [font for font in fonts_with(char) if 'Bol' not in font]


def _poses(char: str) -> NDArray[np.float32]:
    """Give (P, D) rasters of a character in all fonts, turned and moved."""
    shapes = [_shape(font, char, angle) for font in _compared_fonts(char) for angle in _ANGLES]
    moved = [_cut(shape, *move).ravel() for shape in shapes for move in _MOVES]
    return np.array(moved, dtype=np.float32)


def _cut(shape: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """Cut the raster out of its margin, a few rows and columns off its middle."""
    top, left = _MARGIN + down, _MARGIN + right
    return shape[top : top + _RASTER, left : left + _RASTER]


@cache
def _shape(font: str, char: str, angle: float) -> NDArray[np.uint8]:
    """Rasterise a turned character in the middle of a raster with a margin, its longest side scaled to `_SIDE`."""
    size = _RASTER + 2 * _MARGIN
    turned = transform_outline(outline(font, char), rotation(angle))
    points = np.concatenate(turned)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = _SIDE / (high - low).max()
    return rasterise(tuple((c - (low + high) / 2) * scale + size / 2 for c in turned), size, size)
