"""Assign detections to objects, greedily by score, for all area ranges and IoU thresholds at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .flags import area_flags, flag, overlap_flags
from .parameters import AREA_LIMITS


class Edges(NamedTuple):
    """Detections and objects of the same image and class that overlap enough to be matched at some threshold.

    Args:
        detection: (E,) int64 row of the detection.
        obj: (E,) int64 row of the object.
        iou: (E,) float64 in [0.5, 1].
    """

    detection: NDArray[np.int64]
    obj: NDArray[np.int64]
    iou: NDArray[np.float64]


class Assignment(NamedTuple):
    """Which detections were matched, as the bits of `flags.flag` for area ranges and IoU thresholds.

    Args:
        matched: (n,) int64 flags.
        to_ignored: (n,) int64 flags, matched to an object that does not count in this area range.
        matched_gt: (n,) int64 row of the object matched at the lowest threshold over all areas, -1 for none.
    """

    matched: NDArray[np.int64]
    to_ignored: NDArray[np.int64]
    matched_gt: NDArray[np.int64]


def outside_area(areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of the four area ranges an area is outside of.

    Args:
        areas: (n,) square pixels.

    Returns:
        (n, 4) bool, in the order of `AREA_RANGES`.

    Example:
        >>> outside_area(np.array([1024.0])).tolist()
        [[False, False, False, True]]
    """
    return (areas[:, None] < AREA_LIMITS[:, 0]) | (areas[:, None] > AREA_LIMITS[:, 1])


def assign(edges: Edges, pairs: NDArray[np.int64], ignored: NDArray[np.bool_], num_objects: int) -> Assignment:
    """Match each detection, best score first, to the free object it overlaps most.

    As in the lvis API: an object that counts goes before one to be ignored, whatever the overlap; of equal overlaps
    the last object in file order wins; at most one detection for an object, an ignored one included. All pairs
    advance together: in step r the detection of rank r of each pair chooses.

    Args:
        edges: overlaps of at least the lowest threshold.
        pairs: (n,) int64 ascending pair of each detection, within a pair best score first.
        ignored: (num_objects, 4) bool, objects that do not count in an area range.
        num_objects: number of objects that `edges.obj` points to.
    """
    matched, to_ignored = np.zeros((2, len(pairs)), dtype=np.int64)
    matched_gt = np.full(len(pairs), -1, dtype=np.int64)
    skipped, taken = area_flags(ignored), np.zeros(num_objects, dtype=np.int64)
    # ascending overlap, then file order: the last free edge of a detection is its choice
    order = np.lexsort((edges.obj, edges.iou, edges.detection))
    detection, obj, iou = (column[order] for column in edges)
    reached = overlap_flags(iou)
    for step in _by_rank(detection, pairs):
        rows, objects = detection[step], obj[step]
        free = reached[step] & ~taken[objects]
        skip = skipped[objects]
        ends = np.flatnonzero(np.diff(rows, append=-1)) + 1
        chosen = free if len(ends) == len(rows) else _last_free(free, skip, ends)
        taken[objects] |= chosen  # none is there twice: a step has one detection of a pair
        starts = np.concatenate([[0], ends[:-1]])
        matched[rows[starts]] = np.bitwise_or.reduceat(chosen, starts)
        to_ignored[rows[starts]] = np.bitwise_or.reduceat(chosen & skip, starts)
        first = (chosen & flag(0, 0)) != 0
        matched_gt[rows[first]] = objects[first]
    return Assignment(matched, to_ignored, matched_gt)


def _last_free(free: NDArray[np.int64], skip: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave one free edge to each detection, flag by flag: the last to an object that counts, else the last one."""
    counts = np.diff(ends, prepend=0)
    chosen, done = np.zeros_like(free), np.zeros_like(ends)
    for kind in (free & ~skip, free & skip):
        for back in range(1, int(counts.max()) + 1):
            some = np.flatnonzero(counts >= back)
            edges = ends[some] - back
            pick = kind[edges] & ~done[some]
            chosen[edges] |= pick
            done[some] |= pick
    return chosen


def _by_rank(detection: NDArray[np.int64], pairs: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Group ascending edges by the rank that their detection has in its pair, among detections with edges."""
    if not len(detection):
        return []
    is_first = np.diff(detection, prepend=-1) != 0
    number = np.cumsum(is_first) - 1
    pair_of_number = pairs[detection[is_first]]
    first_of_pair = np.searchsorted(pair_of_number, pair_of_number)
    rank = (np.arange(len(pair_of_number)) - first_of_pair)[number]
    order = np.argsort(rank, kind='stable')
    return np.split(order, np.flatnonzero(np.diff(rank[order])) + 1)
