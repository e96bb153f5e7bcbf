"""Find masks that do not fit their image, by array operations over the columns of a file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .masks import MaskColumns, MaskKind
from .rle_pixels import rle_pixels
from .table import AnnotationTable

#: kind of bad record, which rows are bad, and the sentence about one of them
Fault = tuple[str, NDArray[np.bool_], Callable[[int], str]]
#: pixels by which a mask may miss its image: polygons of real files end on the border, or half a pixel beyond
_MARGIN = 1.0


def mask_faults(table: AnnotationTable, masks: MaskColumns, sizes: NDArray[np.int64]) -> list[Fault]:
    """Find polygons with impossible vertices, and RLEs of another size or length than their image.

    Args:
        table: annotations in the order in which their masks were written.
        masks: polygons and run lengths of `table`.
        sizes: (A, 2) height and width of the image of each, pixels.

    Returns:
        What may be wrong, each with (A,) bool rows.
    """
    lows, highs = polygon_bounds(table, masks)
    has_polygons = table.mask_kinds == MaskKind.POLYGONS
    finite = np.isfinite(lows).all(axis=1) & np.isfinite(highs).all(axis=1)
    corner = sizes[:, ::-1]
    missed = ((highs < -_MARGIN) | (lows > corner + _MARGIN)).any(axis=1)
    pixels = _text_pixels(table, masks)

    def reach(row: int) -> str:
        return f'segmentation reaches from {lows[row].tolist()} to {highs[row].tolist()}'

    def image(row: int) -> str:
        return f'its image of {width_x_height(sizes[row])}'

    def count(row: int) -> str:
        wanted = f'height x width = {sizes[row].prod()}'
        if pixels[row] < 0:
            return f'RLE counts are no run lengths, expected those of {wanted} pixels'
        return f'RLE counts add up to {pixels[row]}, expected {wanted}'

    return [
        (
            'polygons that are not finite',
            has_polygons & ~finite,
            lambda row: f'{reach(row)}, expected finite x, y',
        ),
        (
            'polygons far from their image',
            has_polygons & is_far(lows, highs, sizes),
            lambda row: f'{reach(row)}, far from {image(row)}; expected pixels of the image',
        ),
        (
            'polygons outside their image',
            has_polygons & missed & ~table.ignore & ~table.tiny,
            lambda row: f'{reach(row)} and does not meet {image(row)}',
        ),
        (
            'RLE masks of another size than their image',
            table.has_rle & (table.rle_sizes != sizes).any(axis=1),
            lambda row: f'RLE of {width_x_height(table.rle_sizes[row])} on an image of {width_x_height(sizes[row])}',
        ),
        (
            'RLE masks of another length than their size',
            (table.mask_kinds == MaskKind.RLE_TEXT) & (pixels != sizes.prod(axis=1)),
            count,
        ),
    ]


def polygon_bounds(table: AnnotationTable, masks: MaskColumns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the box around the polygons of each annotation.

    Args:
        table: annotations in the order in which their masks were written.
        masks: polygons and run lengths of `table`.

    Returns:
        (A, 2) lowest and (A, 2) highest x, y in pixels; NaN where a vertex is NaN, zeros where there is no polygon.
    """
    lows, highs = np.zeros((2, len(table), 2))
    rows = np.flatnonzero(table.mask_kinds == MaskKind.POLYGONS)
    if not len(rows):
        return lows, highs
    # polygons are written in this order, nothing between them; each has x and y of whole points
    starts = masks.polygon_offsets[table.mask_spans[rows, 0]] // 2
    points = masks.coordinates.reshape(-1, 2)
    for axis in (0, 1):
        values = points[:, axis]
        lows[rows, axis] = np.minimum.reduceat(values, starts)
        highs[rows, axis] = np.maximum.reduceat(values, starts)
    return lows, highs


def is_far(lows: NDArray[np.float64], highs: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (A,) bool, a box that reaches farther from its image than the image is wide or high.

    Args:
        lows: (A, 2) lowest x, y.
        highs: (A, 2) highest x, y.
        sizes: (A, 2) height and width of the images.
    """
    corner = sizes[:, ::-1]
    return np.any((lows < -corner) | (highs > 2 * corner), axis=1)


def width_x_height(size: NDArray[np.int64]) -> str:
    """Return a size as messages give it.

    Args:
        size: (2,) height and width.
    """
    return f'{size[1]}x{size[0]}'


def _text_pixels(table: AnnotationTable, masks: MaskColumns) -> NDArray[np.int64]:
    """Pixels of the compressed RLEs, see `rle_pixels`; 0 for other masks."""
    pixels = np.zeros(len(table), dtype=np.int64)
    rows = np.flatnonzero(table.mask_kinds == MaskKind.RLE_TEXT)
    if len(rows):
        # written in this order, nothing between them
        pixels[rows] = rle_pixels(masks.rle_text, np.append(table.mask_spans[rows, 0], len(masks.rle_text)))
    return pixels
