"""Outlines of characters, taken from the fonts that matplotlib ships."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

# Upright faces only: true italics turn Cyrillic letters into Latin look-alikes, and shear is an augmentation anyway.
FONTS = (
    'DejaVuSans',
    'DejaVuSans-Bold',
    'DejaVuSansMono',
    'DejaVuSansMono-Bold',
    'DejaVuSerif',
    'DejaVuSerif-Bold',
    'STIXGeneral',
    'STIXGeneralBol',
)
Outline = tuple[NDArray[np.float64], ...]

# Curves are flattened at this glyph size (points), finer than the largest glyph that is drawn.
_FLATTEN_SIZE = 300
# cv2 takes polygon corners in 1/256 of a pixel.
_SHIFT = 8


def font_path(font: str) -> Path:
    """Return the file of one of `FONTS`."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / f'{font}.ttf'


@cache
def outline(font: str, char: str) -> Outline:
    """Return the outline of a character, centered on the origin and scaled to a longest side of 1.

    Args:
        font: one of `FONTS` that has the character.
        char: a single character.

    Returns:
        Closed contours, each (K, 2) x, y with y pointing down. A point is inside where the contours wind around it.

    Example:
        >>> len(outline('DejaVuSans', 'B'))  # the letter and its two holes
        3
    """
    # only here: matplotlib takes longer to import than everything else in this room
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), char, size=_FLATTEN_SIZE, prop=FontProperties(fname=str(font_path(font))))
    contours = [np.asarray(polygon) * (1, -1) for polygon in path.to_polygons(closed_only=True)]
    points = np.concatenate(contours)
    low, high = points.min(axis=0), points.max(axis=0)
    return tuple((contour - (low + high) / 2) / (high - low).max() for contour in contours)


def transform_outline(contours: Outline, matrix: NDArray[np.float64]) -> Outline:
    """Return an outline with every point p moved to `matrix @ p`; `matrix` is (2, 2)."""
    return tuple(contour @ matrix.T for contour in contours)


def rotation(degrees: float) -> NDArray[np.float64]:
    """Return the (2, 2) matrix that turns x towards y by an angle in degrees."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def rasterize(contours: Outline, height: int, width: int) -> NDArray[np.uint8]:
    """Return an outline filled by the non-zero winding rule of fonts, so that crossing strokes stay filled.

    Args:
        contours: closed contours in pixels; (0, 0) is the corner of the first pixel.
        height: rows of the raster.
        width: columns of the raster.

    Returns:
        (height, width) uint8, 1 inside and 0 outside.
    """
    winding = np.zeros((height, width), dtype=np.int16)
    fill = np.empty((height, width), dtype=np.uint8)
    for contour in contours:
        turns_right = cv2.contourArea(contour.astype(np.float32), oriented=True) > 0
        fill[:] = 0
        # cv2 counts from the center of the first pixel
        corners = np.round((contour - 0.5) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(fill, [corners], 1, shift=_SHIFT)
        winding += fill if turns_right else -fill.astype(np.int16)
    return (winding != 0).astype(np.uint8)
