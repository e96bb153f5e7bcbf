"""Flags of a detection for all area ranges and IoU thresholds at once, as the bits of one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .parameters import AREA_RANGES, IOU_THRESHOLDS

_NUM_THRESHOLDS = len(IOU_THRESHOLDS)
_NUM_FLAGS = len(AREA_RANGES) * _NUM_THRESHOLDS
#: bytes that hold the flags of a detection
FLAG_BYTES = -(-_NUM_FLAGS // 8)


def flag(area: int, threshold: int) -> int:
    """Return the bit of an area range and an IoU threshold; the first is the highest, as in `np.packbits`.

    Args:
        area: which of `AREA_RANGES`.
        threshold: which of `IOU_THRESHOLDS`.

    Example:
        >>> flag(3, 9), flag(3, 8)
        (1, 2)
    """
    return 1 << (8 * FLAG_BYTES - 1 - area * _NUM_THRESHOLDS - threshold)


# flags of an area range, and of the first k thresholds in every area range
_OF_AREA = np.array([sum(flag(a, t) for t in range(_NUM_THRESHOLDS)) for a in range(len(AREA_RANGES))])
_OF_FIRST = np.array(
    [sum(flag(a, t) for a in range(len(AREA_RANGES)) for t in range(k)) for k in range(_NUM_THRESHOLDS + 1)]
)
ALL_FLAGS = int(_OF_AREA.sum())


def area_flags(areas: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Set all thresholds of some area ranges.

    Args:
        areas: (n, 4) bool.

    Returns:
        (n,) int64 flags.
    """
    flags: NDArray[np.int64] = areas @ _OF_AREA
    return flags


def overlap_flags(iou: NDArray[np.float64]) -> NDArray[np.int64]:
    """Set the thresholds that an overlap reaches, in every area range.

    Args:
        iou: (n,) float64.

    Returns:
        (n,) int64 flags.
    """
    return _OF_FIRST[np.searchsorted(IOU_THRESHOLDS, iou, side='right')]


def pack_flags(flags: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Leave only the bytes that hold flags.

    Args:
        flags: (n,) int64.

    Returns:
        (n, 5) uint8: the flag of area range a at IoU threshold t is bit `10 * a + t` of `np.unpackbits`.
    """
    return flags.astype('>i8').view(np.uint8).reshape(-1, 8)[:, -FLAG_BYTES:].copy()


def packed_flag(packed: NDArray[np.uint8], area: int, threshold: int) -> NDArray[np.bool_]:
    """Read one flag.

    Args:
        packed: (n, 5) uint8 from `pack_flags`.
        area: which of `AREA_RANGES`.
        threshold: which of `IOU_THRESHOLDS`.

    Returns:
        (n,) bool.

    Example:
        >>> packed_flag(pack_flags(overlap_flags(np.array([0.4, 0.5]))), 2, 0).tolist()
        [False, True]
    """
    byte, bit = divmod(area * _NUM_THRESHOLDS + threshold, 8)
    flags: NDArray[np.bool_] = (packed[:, byte] & (0x80 >> bit)) != 0
    return flags
