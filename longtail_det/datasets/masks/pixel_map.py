"""Where the pixels of a transformed mask come from."""

from __future__ import annotations

from typing import NamedTuple

import mmcv
import numpy as np
from numpy.typing import NDArray


class PixelMap(NamedTuple):
    """The row and the column of the original that each row and column of a transformed mask shows.

    Resizing to the nearest pixel, flipping, padding and cropping treat rows and columns apart, so a chain of them is
    one index per row and one per column.

    Args:
        rows: (H,) int32; -1 for padding.
        columns: (W,) int32; -1 for padding.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]

    @classmethod
    def identity(cls, height: int, width: int) -> PixelMap:
        """Return the map of an untouched mask of (height, width) pixels."""
        return cls(np.arange(height, dtype=np.int32), np.arange(width, dtype=np.int32))

    def resize(self, height: int, width: int) -> PixelMap:
        """Return the map after `mmcv.imresize(interpolation='nearest')` to (height, width)."""
        return PixelMap(_resize(self.rows, height), _resize(self.columns, width))

    def flip(self, *, rows: bool, columns: bool) -> PixelMap:
        """Return the map after the order of the rows, of the columns or of both was reversed."""
        return PixelMap(self.rows[::-1] if rows else self.rows, self.columns[::-1] if columns else self.columns)

    def pad(self, height: int, width: int) -> PixelMap:
        """Return the map after padding at the bottom and at the right to (height, width)."""
        return PixelMap(_pad(self.rows, height), _pad(self.columns, width))

    def crop(self, top: int, left: int, height: int, width: int) -> PixelMap:
        """Return the map of a part; what of it lies beyond the lower or the right border is padding."""
        rows, columns = self.rows[top : top + height], self.columns[left : left + width]
        return PixelMap(_pad(rows, height), _pad(columns, width))

    def equals(self, other: PixelMap) -> bool:
        """Say whether another map shows the same pixels."""
        return all(map(np.array_equal, self, other))


def _resize(indices: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Resize the indices as mmcv resizes a mask of bytes: each of their four bytes is a row of an image."""
    planes = np.ascontiguousarray(indices).view(np.uint8).reshape(-1, 4).T
    resized = mmcv.imresize(np.ascontiguousarray(planes), (size, 4), interpolation='nearest')
    return np.ascontiguousarray(resized.T).view(np.int32)[:, 0]


def _pad(indices: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    if len(indices) == size:
        return indices
    return np.concatenate([indices, np.full(size - len(indices), -1, dtype=np.int32)])
