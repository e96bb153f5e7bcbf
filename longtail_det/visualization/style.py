"""One look for all figures: colors that stay apart for color-blind readers (Okabe and Ito, 2008), fonts, grid."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from longtail_det.statistics import FREQUENCY_GROUPS

GROUP_COLORS = {'r': '#D55E00', 'c': '#0072B2', 'f': '#009E73'}
NEUTRAL = '#5F6368'
SERIES = ('#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#000000')
PIXELS_PER_INCH = 160

# class names may be in any script; the glyphs of these fonts come with matplotlib
_FONTS = ['DejaVu Sans', 'STIXGeneral', 'DejaVu Serif', 'DejaVu Sans Mono']
_STYLE: Any = {  # matplotlib's own type of it changes from version to version
    'font.family': _FONTS,
    'font.size': 9.5,
    'axes.titlesize': 11,
    'axes.titleweight': 'bold',
    'axes.titlelocation': 'left',
    'axes.titlepad': 10,
    'axes.labelcolor': '#3C4043',
    'axes.edgecolor': '#9AA0A6',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.axisbelow': True,
    'axes.grid': True,
    'axes.grid.axis': 'y',
    'grid.color': '#E3E6E8',
    'xtick.color': '#3C4043',
    'ytick.color': '#3C4043',
    'xtick.major.size': 0,
    'ytick.major.size': 0,
    'ytick.minor.size': 0,
    'text.color': '#202124',
    'legend.frameon': False,
    'figure.facecolor': 'white',
    'savefig.facecolor': 'white',
    'text.parse_math': False,  # a class may be called 'a$b$c'
}


def group_name(group: str) -> str:
    """'r' -> 'rare', 'c' -> 'common', 'f' -> 'frequent'; anything else is its own name."""
    return FREQUENCY_GROUPS.get(group, group)


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the look of this package; the reader's own matplotlib settings are back afterwards."""
    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure that needs no window system.

    Args:
        width: inches.
        height: inches.
    """
    return Figure(figsize=(width, height), dpi=PIXELS_PER_INCH, layout='constrained')


def figure_png(figure: Figure) -> bytes:
    """Render a figure.

    Args:
        figure: a figure made by this package or by the reader.

    Returns:
        The bytes of a PNG file, the same for the same figure.
    """
    buffer = io.BytesIO()
    with figure_style():
        figure.savefig(buffer, format='png', dpi=PIXELS_PER_INCH, metadata={'Software': None})
    return buffer.getvalue()
