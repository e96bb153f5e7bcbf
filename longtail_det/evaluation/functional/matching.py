"""Assign detections to objects, greedily by score, for all area ranges and IoU thresholds at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .parameters import AREA_LIMITS, IOU_THRESHOLDS


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
    """Which detections were matched; T thresholds, 4 area ranges.

    Args:
        matched: (n, 4, T) bool.
        to_ignored: (n, 4, T) bool, matched to an object that does not count in this area range.
        partner: (n,) int64 row of the object matched at the lowest threshold over all areas, -1 for none.
    """

    matched: NDArray[np.bool_]
    to_ignored: NDArray[np.bool_]
    partner: NDArray[np.int64]


def outside_area(areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which of the four area ranges an area is outside of.

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
    shape = (len(pairs), ignored.shape[1], len(IOU_THRESHOLDS))
    matched, to_ignored = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    partner = np.full(len(pairs), -1, dtype=np.int64)
    taken = np.zeros((num_objects, *shape[1:]), dtype=bool)
    # ascending overlap, then file order: the last free edge of a detection is its choice
    order = np.lexsort((edges.obj, edges.iou, edges.detection))
    detection, obj, iou = (column[order] for column in edges)
    for step in _by_rank(detection, pairs):
        rows, objects = detection[step], obj[step]
        free = (iou[step, None, None] >= IOU_THRESHOLDS) & ~taken[objects]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        skip = ignored[objects][:, :, None]
        chosen = free if len(starts) == len(rows) else _last_free(free, skip, starts, len(rows))
        taken[objects] |= chosen
        matched[rows[starts]] = np.logical_or.reduceat(chosen, starts)
        to_ignored[rows[starts]] = np.logical_or.reduceat(chosen & skip, starts)
        first = chosen[:, 0, 0]
        partner[rows[first]] = objects[first]
    return Assignment(matched, to_ignored, partner)


def _last_free(
    free: NDArray[np.bool_], skip: NDArray[np.bool_], starts: NDArray[np.int64], num_edges: int
) -> NDArray[np.bool_]:
    """Leave one free edge to each detection: the last one to an object that counts, else the last one."""
    segment = np.repeat(np.arange(len(starts)), np.diff(starts, append=num_edges))
    has_counting = np.logical_or.reduceat(free & ~skip, starts)[segment]
    free = free & ~(skip & has_counting)
    number = np.arange(num_edges)[:, None, None]
    last = np.maximum.reduceat(np.where(free, number, -1), starts)[segment]
    return free & (last == number)


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
