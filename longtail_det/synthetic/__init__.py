"""LongTailGlyphs, the embedded benchmark: a small LVIS whose classes are characters, drawn here and now.

It needs no download, trains in minutes on a CPU, and shows what a long tail does to a detector: the image counts of
its classes fall as Zipf's law says, and its validation set is balanced, so that AP of the rare classes is measured on
as many objects as that of the frequent ones.
"""

from .characters import MAX_CLASSES
from .config import PRESETS, GlyphsConfig
from .make import GlyphsSummary, make_glyphs

__all__ = [
    'MAX_CLASSES',
    'PRESETS',
    'GlyphsConfig',
    'GlyphsSummary',
    'make_glyphs',
]
