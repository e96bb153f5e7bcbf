"""How many pixels compressed RLEs describe, many at once: what is checked before one of them is decoded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: characters of a run: 30 bits with a sign
_MAX_CHARACTERS = 6
#: of an image, so that no run is longer
MAX_PIXELS = 2**29


def rle_pixels(text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Compute the sum of the run lengths of compressed RLEs.

    A run is written in groups of five bits, the low ones first, each plus 48, plus 32 where another one follows. From
    the fourth run of a mask on it is the change to the last but one (`rleToString` of pycocotools).

    Args:
        text: (T,) the characters of all masks, one mask after the other.
        bounds: (M + 1,) where in `text` each mask starts, and the end of the last.

    Returns:
        (M,) pixels; -1 for what is no RLE: nothing, another character, half of a run, or a negative run.

    Example:
        >>> rle_pixels(np.frombuffer(b'132?', np.uint8), np.array([0, 3, 4])).tolist()
        [6, 15]
    """
    pixels = np.full(len(bounds) - 1, -1, dtype=np.int64)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    if len(filled):
        values = text[bounds[0] : bounds[-1]] - np.uint8(48)
        pixels[filled] = _sum_runs(values, bounds[filled] - bounds[0], bounds[filled + 1] - bounds[0])
    return pixels


def _sum_runs(values: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
    garbage = values > 63
    garbage[stops - 1] |= values[stops - 1] >= 32
    values[stops - 1] &= 31  # so that no run goes on in the next mask
    ends = np.flatnonzero(values < 32)
    sizes = np.diff(ends, prepend=-1)
    garbage[ends[sizes > _MAX_CHARACTERS]] = True
    numbers = _read_numbers(values, ends, sizes)
    first = np.searchsorted(ends, starts)
    pixels, is_rle = np.zeros(len(starts), dtype=np.int64), ~np.logical_or.reduceat(garbage, starts)
    for parity in (0, 1):
        _add_lane(numbers, first, parity, pixels, is_rle)
    return np.where(is_rle, pixels, -1)


def _read_numbers(values: NDArray[np.uint8], ends: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the signed number that ends at each place."""
    numbers = (values[ends] & 31).astype(np.int32)
    numbers -= (numbers & 16) << 1
    for place in range(1, _MAX_CHARACTERS):
        longer = np.flatnonzero(sizes > place)
        if not len(longer):
            break
        numbers[longer] = (numbers[longer] << 5) + (values[ends[longer] - place] & 31)
    return numbers


def _add_lane(
    numbers: NDArray[np.int32],
    first: NDArray[np.intp],
    parity: int,
    pixels: NDArray[np.int64],
    is_rle: NDArray[np.bool_],
) -> None:
    """Sum the runs at the even or the odd places, and look for negative ones.

    Args:
        numbers: (R,) of all masks; every other one is a change to the one before in its lane.
        first: (M,) place of the first run of each mask.
        parity: 0 for even places, 1 for odd ones.
        pixels: (M,) is added to.
        is_rle: (M,) becomes False for a mask with a negative run.
    """
    lane = numbers[parity::2]
    start = (first + 1 - parity) // 2
    count = np.diff(start, append=len(lane))
    before = np.append(np.int32(0), lane.cumsum(dtype=np.int32))
    # the first run of a mask stands alone; those after it start anew
    starts_here = first % 2 == parity
    runs = before[1:] - np.repeat(before[start + starts_here], count)
    runs[start[starts_here]] = lane[start[starts_here]]
    some = np.flatnonzero(count)
    pixels[some] += np.add.reduceat(runs, start[some], dtype=np.int64)
    is_rle[some] &= np.minimum.reduceat(runs, start[some]) >= 0
