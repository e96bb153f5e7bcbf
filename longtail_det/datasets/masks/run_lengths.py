"""One binary mask as compressed run lengths, and the window of pixels that holds its foreground."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask


class Window(NamedTuple):
    """The bounding box of a mask's foreground, decoded.

    Args:
        top: row of the first pixel in the image.
        left: column of the first pixel in the image.
        pixels: (h, w) uint8, 0 or 1; (0, 0) where the mask is empty.
    """

    top: int
    left: int
    pixels: NDArray[np.uint8]


class RunLengths:
    """A binary mask as compressed COCO run lengths; its window is decoded once and is not part of a pickle.

    Args:
        counts: compressed run lengths of the image's columns, one after another.
        height: of the image, in pixels.
    """

    __slots__ = ('_window', 'counts', 'height')

    def __init__(self, counts: bytes, height: int) -> None:
        self.counts = counts
        self.height = height
        self._window: Window | None = None

    def __reduce__(self) -> tuple[type, tuple[bytes, int]]:
        return RunLengths, (self.counts, self.height)

    @property
    def window(self) -> Window:
        """Pixels of the bounding box of the foreground."""
        if self._window is None:
            self._window = _decode_window(self.counts, self.height)
        return self._window


def encode_mask(mask: Any, height: int, width: int) -> RunLengths:
    """Compress a mask of an image, as mmdet's `LoadAnnotations(poly2mask=True)` rasterizes it.

    Args:
        mask: a list of polygons `[x1, y1, x2, y2, ...]` in pixels, an RLE of text or of run lengths, or a bitmap
            (height, width).
        height: of the image, in pixels.
        width: of the image, in pixels.

    Returns:
        The run lengths.

    Raises:
        ValueError: an RLE or a bitmap of another size.
    """
    if isinstance(mask, Mapping):
        size, rle = tuple(mask['size']), mask
        if isinstance(mask['counts'], list):
            rle = coco_mask.frPyObjects(mask, *size)
    elif isinstance(mask, np.ndarray):
        size, rle = mask.shape, coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    else:
        parts = coco_mask.frPyObjects(mask, height, width)
        size, rle = (height, width), parts[0] if len(parts) == 1 else coco_mask.merge(parts)
    if size != (height, width):
        raise ValueError(
            f'found a mask of {" x ".join(map(str, size))} pixels, expected the {height} x {width} of its image'
        )
    counts = rle['counts']
    return RunLengths(counts.encode() if isinstance(counts, str) else counts, height)


def _decode_window(counts: bytes, height: int) -> Window:
    edges = _run_lengths(counts).cumsum()
    starts, stops = edges[: len(edges) // 2 * 2].reshape(-1, 2).T
    filled = stops > starts
    starts, stops = starts[filled], stops[filled]
    if not len(starts):
        return Window(0, 0, np.zeros((0, 0), dtype=np.uint8))
    (columns, rows), (last_columns, last_rows) = np.divmod(starts, height), np.divmod(stops - 1, height)
    left, right = columns[0], last_columns[-1] + 1
    if (columns == last_columns).all():
        top, bottom = rows.min(), last_rows.max() + 1
    else:  # a run that goes on in the next column touches the lower and the upper border
        top, bottom = 0, height
    tall, wide = bottom - top, right - left
    steps = np.zeros(tall * wide + 1, dtype=np.int8)
    steps[(columns - left) * tall + rows - top] += 1
    steps[(last_columns - left) * tall + last_rows - top + 1] -= 1
    return Window(int(top), int(left), steps[:-1].cumsum(dtype=np.int8).view(np.uint8).reshape(wide, tall).T)


def _run_lengths(counts: bytes) -> NDArray[np.int64]:
    """Read COCO's compression: groups of five bits, low ones first; from the fourth run on, change to the last but one.

    Source: `rleFrString` of pycocotools.
    """
    characters = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    is_last = characters < 32
    stops = np.flatnonzero(is_last) + 1
    starts = np.concatenate([[0], stops[:-1]])
    sizes = stops - starts
    places = np.arange(len(characters)) - np.repeat(starts, sizes)
    runs = np.add.reduceat((characters & 31) << 5 * places, starts) if len(starts) else stops
    runs -= np.where(characters[stops - 1] & 16, 1 << 5 * sizes, 0)  # the highest bit is a sign
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return runs
