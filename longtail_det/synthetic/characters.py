"""The classes: characters of many scripts that can be told apart by their shape alone.

They stand in characters.txt, so the classes do not depend on the glyphs that a matplotlib version ships. The list was
made once: the scripts took turns, the everyday characters of each before the odd ones; accents, ligatures, modifiers
and shapes narrower than 0.35 of their length were left out. So was each character that shares more than 0.6 of its area
(0.75 for the second half of the list) with an earlier one in any font, turned by up to 20 degrees and moved by up to an
eighth: Greek Alpha after Latin A.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from .outlines import FONTS

MAX_CLASSES = 1203


def class_name(char: str) -> str:
    """Return a plain ASCII name of a character, made from its Unicode name.

    Example:
        >>> class_name('a'), class_name('Ω'), class_name('7'), class_name('א')
        ('latin_small_a', 'greek_capital_omega', 'digit_seven', 'hebrew_alef')
    """
    words = unicodedata.name(char).replace('-', ' ').split()
    return '_'.join(word for word in words if word != 'LETTER').lower()


def choose_characters(num_classes: int) -> tuple[str, ...]:
    """Return the characters of the first classes; a shorter choice is the beginning of a longer one.

    Raises:
        ValueError: `num_classes` is outside 1 to `MAX_CLASSES`.

    Example:
        >>> ''.join(choose_characters(3))
        'A0Ա'
    """
    if not 1 <= num_classes <= MAX_CLASSES:
        raise ValueError(f'num_classes is {num_classes}; expected 1 to {MAX_CLASSES}')
    return tuple(_fonts_of())[:num_classes]


def fonts_with(char: str) -> tuple[str, ...]:
    """Return the fonts that draw a character of the list.

    Example:
        >>> fonts_with('a') == FONTS, fonts_with('א')
        (True, ('DejaVuSans', 'DejaVuSans-Bold'))
    """
    return _fonts_of()[char]


@cache
def _fonts_of() -> dict[str, tuple[str, ...]]:
    """Read the list: code point, the fonts as the bits of a number, and the character for a reader."""
    lines = Path(__file__).with_suffix('.txt').read_text(encoding='utf-8').splitlines()
    fields = [line.split() for line in lines if not line.startswith('#')]
    return {
        chr(int(code, 16)): tuple(font for bit, font in enumerate(FONTS) if int(fonts, 16) >> bit & 1)
        for code, fonts, _ in fields
    }
