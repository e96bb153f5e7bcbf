"""Where the classes are in a figure: what a page lets its readers point at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch
from numpy.typing import NDArray

_PREFIX = 'classes-'


@dataclass(frozen=True)
class ClassMark:
    """The place of a class in a figure, in pixels of its PNG from the top left corner.

    Args:
        label: index of the class, as `mark_classes` got it.
        left: of the box around it.
        top: of the box around it.
        width: of the box.
        height: of the box.
        is_point: a point of a scatter rather than a bar.
    """

    label: int
    left: float
    top: float
    width: float
    height: float
    is_point: bool


def mark_classes(artist: Artist, labels: Iterable[int]) -> None:
    """Note in the id of an artist (`gid`) which classes it draws.

    Args:
        artist: points of a scatter, a bar, or the steps of `Axes.stairs`.
        labels: index of the class of each point, bar or step, in order.
    """
    artist.set_gid(_PREFIX + '-'.join(str(int(label)) for label in labels))


def class_marks(figure: Figure) -> list[ClassMark]:
    """Return the places of the classes that a figure draws, in the order of the figure.

    Args:
        figure: its layout must be done, as it is after `figure_png`.
    """
    height = figure.bbox.height
    marks = []
    for artist in figure.findobj(lambda artist: (artist.get_gid() or '').startswith(_PREFIX)):
        is_point = isinstance(artist, PathCollection)
        labels = [int(label) for label in (artist.get_gid() or '')[len(_PREFIX) :].split('-') if label]
        for label, (x1, y1, x2, y2) in zip(labels, _boxes(artist).tolist(), strict=True):
            marks.append(ClassMark(label, min(x1, x2), height - max(y1, y2), abs(x2 - x1), abs(y2 - y1), is_point))
    return marks


def _boxes(artist: Artist) -> NDArray[np.float64]:
    """Return (n, 4) x1, y1, x2, y2 in pixels from the bottom left corner."""
    if isinstance(artist, PathCollection):
        centers = artist.get_offset_transform().transform(np.asarray(artist.get_offsets()))
        radius = np.sqrt(artist.get_sizes()) / 2 * artist.figure.dpi / 72
        return np.concatenate([centers - radius[:, None], centers + radius[:, None]], axis=1)
    if isinstance(artist, Rectangle):
        return np.array([artist.get_window_extent().extents])
    if isinstance(artist, StepPatch):
        values, edges, baseline = artist.get_data()
        corners = [
            artist.get_transform().transform(np.stack([x, y], axis=1))
            for x, y in ((edges[:-1], np.full(len(values), baseline)), (edges[1:], values))
        ]
        return np.concatenate(corners, axis=1)
    raise TypeError(f'no classes can be pointed at in a {type(artist).__name__}; expected a scatter, a bar or stairs')
