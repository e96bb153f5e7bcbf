"""RoIAlign of binary masks, computed on the pixels around each object only.

Shapes: R RoIs, h x w bins of each, H x W pixels of the transformed masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .pixel_map import PixelMap
from .run_lengths import RunLengths


def average_bins(
    masks: Sequence[RunLengths],
    pixel_map: PixelMap,
    owners: NDArray[np.int64],
    boxes: NDArray[np.floating],
    out_shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Compute RoIAlign (aligned, adaptive sampling, average) of one mask for each RoI (He et al., arXiv:1703.06870).

    A bilinear sample is a weighted mean of rows of a weighted mean of columns. So is an average of samples on a grid,
    and a RoI's bins are `rows @ pixels @ columns.T`: `rows` (h, pixels of the object) holds how much a row of pixels
    counts in each bin, `columns` the same of columns. The map of the transforms moves these weights to the original
    pixels, so no mask is ever transformed.

    Args:
        masks: original masks.
        pixel_map: the transforms so far.
        owners: (R,) index of each RoI's mask.
        boxes: (R, 4) x1, y1, x2, y2 in pixels of the transformed masks, float32 or float64.
        out_shape: h and w.

    Returns:
        (R, h, w) in [0, 1]; sample positions are rounded as the op on `boxes.dtype` rounds them.
    """
    order = np.argsort(owners, kind='stable')
    boxes, sorted_owners = boxes[order], owners[order]
    found, first, index = np.unique(sorted_owners, return_index=True, return_inverse=True)
    windows = [masks[owner].window for owner in found.tolist()]
    corners = np.array([(window.top, window.left) for window in windows], dtype=np.int64).reshape(-1, 2)[index]
    sizes = np.array([window.pixels.shape for window in windows], dtype=np.int64).reshape(-1, 2)[index]
    rows, columns = (
        _weigh_axis(boxes[:, axis], boxes[:, axis + 2], bins, sources, corners[:, 1 - axis], sizes[:, 1 - axis])
        for axis, bins, sources in ((1, out_shape[0], pixel_map.rows), (0, out_shape[1], pixel_map.columns))
    )
    averages = np.zeros((len(boxes), *out_shape), dtype=np.float32)
    counts = np.maximum(rows.grid * columns.grid, 1)[:, None, None]
    for window, start, stop in zip(windows, first, [*first[1:], len(boxes)], strict=True):
        tall, wide = window.pixels.shape
        if not tall:
            continue
        along_rows = rows.matrix(start, stop).reshape(-1, tall) @ window.pixels.astype(np.float32)
        sums = along_rows.reshape(-1, out_shape[0], wide) @ columns.matrix(start, stop).swapaxes(1, 2)
        averages[order[start:stop]] = sums / counts[start:stop]
    return averages


class _AxisWeights(NamedTuple):
    """How much each row (or column) of a RoI's window counts in each of its bins, times the samples of a bin.

    A RoI of window size s has cells of s + 2 weights, one for each bin; the first and the last take what lies outside
    of the window.

    Args:
        grid: (R,) int64, samples of a bin along this axis.
        bins: number of bins.
        sizes: (R,) int64, rows (columns) of each window; equal for RoIs of one matrix.
        ends: (R + 1,) int64, bounds of each RoI's taps.
        places: (T,) int64, place of a tap among its RoI's cells.
        weights: (T,) of the taps, in [0, 1].
    """

    grid: NDArray[np.int64]
    bins: int
    sizes: NDArray[np.int64]
    ends: NDArray[np.int64]
    places: NDArray[np.int64]
    weights: NDArray[np.floating]

    def matrix(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the weights (stop - start, bins, size) of consecutive RoIs whose windows have one size."""
        size = self.sizes[start] + 2
        taps = slice(self.ends[start], self.ends[stop])
        offsets = np.repeat(np.arange(stop - start) * (self.bins * size), np.diff(self.ends[start : stop + 1]))
        shape = (stop - start, self.bins, size)
        sums = np.bincount(self.places[taps] + offsets, self.weights[taps], minlength=np.prod(shape))
        return sums.reshape(shape)[:, :, 1:-1].astype(np.float32)


def _weigh_axis(
    low: NDArray[np.floating],
    high: NDArray[np.floating],
    bins: int,
    sources: NDArray[np.int32],
    corners: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> _AxisWeights:
    """Place the samples of all RoIs along one axis; every step keeps the order of roundings of the op."""
    start = low - low.dtype.type(0.5)
    length = (high - high.dtype.type(0.5)) - start
    bin_size = length / bins
    grid = np.maximum(np.ceil(bin_size), 0).astype(np.int64)
    samples = grid * bins
    roi = np.repeat(np.arange(len(low)), samples)
    ends = np.concatenate([[0], samples.cumsum()])
    bin_, step = np.divmod(np.arange(ends[-1]) - ends[roi], grid[roi])
    size, per_bin = bin_size[roi], grid[roi].astype(low.dtype)
    position = start[roi] + bin_.astype(low.dtype) * size + (step + 0.5).astype(low.dtype) * size / per_bin
    border = len(sources) - 1
    inside = (position >= -1) & (position <= border + 1)
    position = position.clip(0, border)
    below = position.astype(np.int64)
    fraction = position - below
    source = sources[np.stack([below, np.minimum(below + 1, border)], axis=1)]
    place = (source - corners[roi, None] + 1).clip(0, sizes[roi, None] + 1) + (bin_ * (sizes[roi] + 2))[:, None]
    weight = np.stack([1 - fraction, fraction], axis=1) * inside[:, None]
    return _AxisWeights(grid, bins, sizes, 2 * ends, place.ravel(), weight.ravel())
