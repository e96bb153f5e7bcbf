"""How many pixels compressed RLEs describe, many at once: what is checked before one of them is decoded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: characters of a run, which then has 35 bits: more pixels than any image
_MAX_CHARACTERS = 7


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
    if not len(filled):
        return pixels
    values = text[bounds[0] : bounds[-1]] - np.uint8(48)
    starts, stops = bounds[filled] - bounds[0], bounds[filled + 1] - bounds[0]
    garbage = values > 63
    garbage[stops - 1] |= values[stops - 1] >= 32
    values[stops - 1] &= 31  # so that no run goes on in the next mask
    ends = np.flatnonzero(values < 32)
    sizes = np.diff(ends, prepend=-1)
    garbage[ends] |= sizes > _MAX_CHARACTERS
    first = np.searchsorted(ends, starts)
    runs = _add_changes(_read_numbers(values, ends, sizes), first)
    is_rle = ~np.logical_or.reduceat(garbage, starts) & (np.minimum.reduceat(runs, first) >= 0)
    pixels[filled] = np.where(is_rle, np.add.reduceat(runs, first), -1)
    return pixels


def _read_numbers(
    values: NDArray[np.uint8], ends: NDArray[np.intp], sizes: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return the signed number that ends at each place."""
    numbers = (values[ends] & 31).astype(np.int64)
    numbers -= (numbers & 16) << 1
    for place in range(1, min(int(sizes.max()), _MAX_CHARACTERS)):
        longer = np.flatnonzero(sizes > place)
        numbers[longer] = (numbers[longer] << 5) + (values[ends[longer] - place] & 31)
    return numbers


def _add_changes(numbers: NDArray[np.int64], first: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the runs of which these are the changes; `first` are the places of each mask's first run."""
    counts = np.diff(first, append=len(numbers))
    places = np.arange(len(numbers)) - np.repeat(first, counts)
    is_odd = (places & 1).astype(bool)
    odd = np.where(is_odd, numbers, 0).cumsum()
    even = np.where(is_odd | (places == 0), 0, numbers).cumsum()
    runs: NDArray[np.int64] = np.where(
        is_odd, odd - np.repeat(odd[first], counts), even - np.repeat(even[first], counts)
    )
    runs[first] = numbers[first]
    return runs
