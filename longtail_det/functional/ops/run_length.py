"""COCO run-length encoding from runs of pixels, without any image: what `pycocotools.mask.encode` gives."""

from __future__ import annotations

import numpy as np

#: a digit of the compressed string: five bits of the value, one that says more follow, and 48 to make it printable
_BITS, _MORE, _SIGN, _PRINTABLE = 5, 0x20, 0x10, 48


def encode_runs(
    owner: np.ndarray, start: np.ndarray, end: np.ndarray, *, num_masks: int, num_pixels: int
) -> list[bytes]:
    """Compress masks given as runs of pixels, into the `counts` of COCO's run-length encoding.

    Args:
        owner: (K,) int64 in [0, num_masks), the mask a run belongs to; ascending.
        start: (K,) int64 first pixel of each run, counted down the columns; ascending within a mask.
        end: (K,) int64 pixel after the last one, > `start`, < the next `start` of the same mask, <= `num_pixels`.
        num_masks: masks; one without runs is empty.
        num_pixels: height times width of the image, > 0.

    Returns:
        `num_masks` byte strings, equal to those of `pycocotools.mask.encode` on the full images.

    Example:
        >>> encode_runs(np.array([0]), np.array([2]), np.array([5]), num_masks=2, num_pixels=9)
        [b'234', b'9']
    """
    counts, place, sizes = _counts(owner, start, end, num_masks, num_pixels)
    # from the fourth on, a count is stored as its difference to the one two places before
    values = counts.copy()
    late = place > 2
    values[late] -= counts[np.flatnonzero(late) - 2]
    text, lengths = _digits(values)
    cuts = np.cumsum(np.add.reduceat(lengths, np.cumsum(sizes) - sizes)) if num_masks else np.zeros(0, dtype=np.int64)
    starts = np.concatenate([[0], cuts[:-1]]) if num_masks else cuts
    return [text[first:last] for first, last in zip(starts.tolist(), cuts.tolist(), strict=True)]


def _counts(
    owner: np.ndarray, start: np.ndarray, end: np.ndarray, num_masks: int, num_pixels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths of the runs of zeros and ones in turn, the place of each in its mask, and how many a mask has."""
    runs = np.bincount(owner, minlength=num_masks)
    sizes = 2 * runs + 1
    first = np.cumsum(sizes) - sizes
    edges = np.empty(int(sizes.sum()), dtype=np.int64)
    at = first[owner] + 2 * (np.arange(len(owner)) - (np.cumsum(runs) - runs)[owner])
    edges[at], edges[at + 1] = start, end
    edges[first + sizes - 1] = num_pixels
    counts = edges.copy()
    counts[1:] -= edges[:-1]
    counts[first] = edges[first]
    place = np.arange(len(edges)) - np.repeat(first, sizes)
    # a mask that is on at the last pixel ends with its ones
    void = np.zeros(len(edges), dtype=bool)
    void[first + sizes - 1] = (runs > 0) & (counts[first + sizes - 1] == 0)
    if void.any():
        counts, place, sizes = counts[~void], place[~void], sizes - void[first + sizes - 1]
    return counts, place, sizes


def _digits(values: np.ndarray) -> tuple[bytes, np.ndarray]:
    """All values as one string of digits, least significant first, and the digits of each."""
    lengths = np.ones(len(values), dtype=np.int64)
    # most values have one digit, so longer ones are looked up and gone through alone
    longer = np.flatnonzero((values < -_SIGN) | (values >= _SIGN))
    rest, steps = values[longer] >> _BITS, []
    while len(longer):
        lengths[longer] += 1
        steps.append((longer, rest))
        still = (rest < -_SIGN) | (rest >= _SIGN)
        longer, rest = longer[still], rest[still] >> _BITS
    places = np.cumsum(lengths) - lengths
    text = np.empty(int(lengths.sum()), dtype=np.uint8)
    text[places] = values & (2**_BITS - 1)
    for number, (owner, rest) in enumerate(steps, start=1):
        text[places[owner] + number] = rest & (2**_BITS - 1)
        text[places[owner] + number - 1] |= _MORE
    text += _PRINTABLE
    return text.tobytes(), lengths
