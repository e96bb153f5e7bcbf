"""LVIS polygons from masks."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

# A polygon may leave the outline of its mask by this part of a pixel of the image.
_TOLERANCE = 0.25
# Specks that cover less than this many pixels of the image become no polygon, their like no hole.
_MIN_AREA = 0.5


def mask_to_polygons(mask: NDArray[np.uint8], subpixels: int, left: int, top: int) -> list[list[float]]:
    """Return the polygons of a mask in LVIS's form.

    LVIS polygons know no holes. A hole is therefore cut out by a bridge, a line that the polygon follows to the hole
    and back: readers that fill by the even-odd rule, pycocotools among them, leave the hole open.

    Args:
        mask: (height * subpixels, width * subpixels) uint8, 1 inside and 0 outside.
        subpixels: mask pixels per pixel of the image.
        left: column of the mask's corner in the image.
        top: row of the mask's corner in the image.

    Returns:
        For each part of the shape a flat list x, y, x, y, ... of at least 3 points, in pixels of the image.

    Example:
        >>> square = np.pad(np.ones((8, 8), dtype=np.uint8), 4)
        >>> mask_to_polygons(square, subpixels=2, left=10, top=0)
        [[12.0, 2.0, 12.0, 6.0, 16.0, 6.0, 16.0, 2.0]]
    """
    polygons = []
    for outer, holes in _trace(mask, subpixels):
        polygon = _bridge(outer, holes).astype(np.float64) + np.array([left, top])
        polygons.append(np.round(polygon, 2).ravel().tolist())
    return polygons


def _trace(mask: NDArray[np.uint8], subpixels: int) -> Iterator[tuple[NDArray[np.float32], list[NDArray[np.float32]]]]:
    """Return one by one the outer contour, (K, 2) x, y in pixels of the image, and the holes of each part of a mask."""
    # cv2 runs through pixel centers. On this raster of the pixels' corners, that is along their edges.
    corners = cv2.resize(mask, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    corners = cv2.dilate(np.pad(corners, ((0, 1), (0, 1))), np.ones((2, 2), dtype=np.uint8), anchor=(1, 1))
    found, hierarchy = cv2.findContours(corners, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    scale = 2 * subpixels
    simple = [cv2.approxPolyDP(contour, _TOLERANCE * scale, closed=True)[:, 0] for contour in found]
    contours = [np.asarray(contour / scale, dtype=np.float32) for contour in simple]
    large = [len(contour) >= 3 and cv2.contourArea(contour) >= _MIN_AREA for contour in contours]
    parents = hierarchy[0, :, 3] if len(found) else np.empty(0)
    for i in np.flatnonzero(parents < 0):
        if large[i]:
            yield contours[i], [contours[k] for k in np.flatnonzero(parents == i) if large[k]]


def _bridge(outer: NDArray[np.float32], holes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return an outer contour and its holes as one polygon, (K, 2), each hole over its shortest bridge."""
    polygon = outer
    for hole in holes:
        distance = ((polygon[:, None] - hole[None]) ** 2).sum(axis=2)
        i, k = np.unravel_index(int(distance.argmin()), distance.shape)
        polygon = np.concatenate([polygon[: i + 1], hole[k:], hole[: k + 1], polygon[i:]])
    return polygon
