"""COCO run-length encoding from runs of pixels, without any image: what `pycocotools.mask.encode` gives."""

from __future__ import annotations

import numpy as np
import pycocotools.mask as mask_utils


def encode_runs(
    owner: np.ndarray, start: np.ndarray, end: np.ndarray, *, num_masks: int, num_pixels: int
) -> list[bytes]:
    """Return the `counts` of COCO's run-length encoding of masks given as runs of pixels.

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
    if not num_masks:
        return []
    runs = np.bincount(owner, minlength=num_masks)
    sizes = 2 * runs + 1
    first = np.cumsum(sizes) - sizes
    last = first + sizes - 1
    edges = np.empty(int(sizes.sum()), dtype=np.int64)
    at = first[owner] + 2 * (np.arange(len(owner)) - (np.cumsum(runs) - runs)[owner])
    edges[at], edges[at + 1] = start, end
    edges[last] = num_pixels
    # lengths of the runs of zeros and ones in turn
    counts = np.diff(edges, prepend=0)
    counts[first] = edges[first]
    # a mask that is on at the last pixel ends with its ones
    stops = last + 1 - ((runs > 0) & (counts[last] == 0))
    size, counts = [1, num_pixels], counts.astype(np.uint32)
    rles = [{'size': size, 'counts': counts[i:j]} for i, j in zip(first.tolist(), stops.tolist(), strict=True)]
    return [rle['counts'] for rle in mask_utils.frPyObjects(rles, 1, num_pixels)]
