"""One look for all figures: colors that stay apart for color-blind readers (Okabe and Ito, 2008), fonts, grid."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from numpy.typing import NDArray

from longtail_det.statistics import FREQUENCY_GROUPS

GROUP_COLORS = {'r': '#D55E00', 'c': '#0072B2', 'f': '#009E73'}
NEUTRAL = '#5F6368'
TEXT = '#202124'
#: of a difference whose interval holds zero
UNSETTLED = '#BDC1C6'
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
    'text.color': TEXT,
    'legend.frameon': False,
    'figure.facecolor': 'white',
    'savefig.facecolor': 'white',
    'text.parse_math': False,  # a class may be called 'a$b$c'
}


def group_name(group: str) -> str:
    """Return 'rare' for 'r', 'common' for 'c', 'frequent' for 'f'; anything else is its own name."""
    return FREQUENCY_GROUPS.get(group, group)


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the look of this package; the reader's own matplotlib settings are back afterwards."""
    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches that needs no window system."""
    return Figure(figsize=(width, height), dpi=PIXELS_PER_INCH, layout='constrained')


def run_panels(count: int, heights: tuple[float, float, float], *, sharex: bool = False) -> tuple[Figure, NDArray[Any]]:
    """Return a figure with a panel for each of `count` runs, one to three in a row, and (rows, columns) axes.

    Args:
        count: panels in use; the axes behind them are off.
        heights: inches of a row of one, two or three panels.
        sharex: whether the panels share the x axis; they always share the y axis.

    Raises:
        ValueError: no run.
    """
    if not count:
        raise ValueError('no run to draw; expected the results of one run or more')
    columns = min(count, 2 if count in (2, 4) else 3)
    rows = math.ceil(count / columns)
    figure = new_figure(9, heights[columns - 1] * rows)
    panels = figure.subplots(rows, columns, sharex=sharex, sharey=True, squeeze=False)
    for axes in panels.flat[count:]:
        axes.set_axis_off()
    return figure, panels


def short_name(name: str, length: int) -> str:
    """Return a name of a class, cut to `length` characters."""
    return name if len(name) <= length else f'{name[: length - 1]}…'


def figure_png(figure: Figure) -> bytes:
    """Return the bytes of a PNG file of a `figure`, the same for the same figure."""
    buffer = io.BytesIO()
    with figure_style():
        figure.savefig(buffer, format='png', dpi=PIXELS_PER_INCH, metadata={'Software': None})
    return buffer.getvalue()
