"""Greedy non-maximum suppression over all (RoI, class) that looks at the best candidates only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

#: boxes (K, 4) in score order -> positions of those that greedy NMS keeps
Suppress = Callable[[Tensor], Tensor]
#: RoIs (K,) and classes (K,) of candidates in score order -> their boxes (K, 4), and the positions of the kept ones
Look = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

#: scores read to guess how high the best ones are
_SAMPLE = 2**16
#: candidates looked at first, as a multiple of the boxes wanted and at least; then the factor of each next attempt
_AHEAD, _FEWEST, _GROWTH = 4, 1024, 4


def first_survivors(scores: Tensor, valid: Tensor, look: Look, max_num: int) -> tuple[Tensor, Tensor]:
    """Return the first `max_num` survivors of greedy NMS, as if it had run over every valid (RoI, class).

    Greedy NMS decides in score order: whether a box survives depends on the boxes before it alone. So the best
    candidates, suppressed among themselves, give the beginning of the full result, and more of them are looked at only
    where too few survive. Candidates are ordered by descending score, equal scores by ascending RoI, then class.

    Args:
        scores: (N, C) score of each (RoI, class), any float dtype and strides; NaN counts as the highest.
        valid: (N, C) bool, which of them take part.
        look: gives boxes and survivors of the candidates it is asked about.
        max_num: survivors wanted, > 0.

    Returns:
        (K,) int64 index n * C + c of each survivor in score order, K <= max_num, and their (K, 4) boxes.
    """
    limit = max(_AHEAD * max_num, _FEWEST)
    while True:
        index = best_candidates(scores, valid, limit)
        boxes, kept = look(index // scores.size(1), index % scores.size(1))
        if len(kept) >= max_num or len(index) < limit:
            kept = kept[:max_num]
            return index[kept], boxes[kept]
        limit *= _GROWTH


def best_candidates(scores: Tensor, valid: Tensor, limit: int) -> Tensor:
    """Return the highest of many scores without sorting them all.

    Args:
        scores: (N, C) any float dtype and strides; NaN counts as the highest.
        valid: (N, C) bool, scores that take part.
        limit: how many at most, > 0.

    Returns:
        (K,) int64 index n * C + c by descending score, equal scores by ascending index; K < limit only if there are no
        more.

    Example:
        >>> scores = torch.tensor([[0.5, 0.9], [0.7, 0.5]])
        >>> best_candidates(scores, scores > 0, limit=3).tolist()
        [1, 2, 0]
    """
    index = _flat_nonzero(_above_guess(scores, valid, limit))
    if len(index) < limit:
        index = _flat_nonzero(valid)
    values = _at(scores, index)
    if len(index) > 2 * limit:
        # topk may drop any of equal scores, so only its lowest value is used; torch 2.1 has none for half on a CPU
        last = values.to(torch.promote_types(values.dtype, torch.float32)).topk(limit).values[-1]
        chosen = torch.cat([_flat_nonzero(~(values <= last)), _flat_nonzero(values == last)[:limit]])
        index, values = index[chosen], values[chosen]
    return index[values.sort(descending=True, stable=True).indices[:limit]]


def _above_guess(scores: Tensor, valid: Tensor, limit: int) -> Tensor:
    """Return which are at least as high as a guess which aims at twice `limit` of them; a bad guess costs time only."""
    step = scores.numel() // _SAMPLE | 1
    if step == 1:
        return valid
    spread = torch.arange(0, scores.numel(), step, device=scores.device)
    sample = _at(scores, spread)[_at(valid, spread)]
    rank = 2 * limit // step + 16
    if len(sample) <= rank:
        return valid
    return valid & ~(scores < sample.topk(rank).values[-1])


def _at(table: Tensor, index: Tensor) -> Tensor:
    return table[index // table.size(1), index % table.size(1)]


def _flat_nonzero(mask: Tensor) -> Tensor:
    return mask.flatten().nonzero()[:, 0]


def suppress_within_classes(boxes: Tensor, labels: Tensor, suppress: Suppress) -> Tensor:
    """Return the survivors of greedy NMS of each class for itself, in one call where the classes lie apart.

    Args:
        boxes: (K, 4) x1, y1, x2, y2 in score order, shifted by class or not.
        labels: (K,) int64 class of each.
        suppress: greedy NMS of boxes in score order; must not suppress boxes without overlap.

    Returns:
        (S,) int64 positions of the survivors, ascending.
    """
    kept = [group[suppress(boxes[group])] for group in _groups_apart(boxes, labels)]
    return torch.cat(kept).sort().values if kept else labels[:0]


def _groups_apart(boxes: Tensor, labels: Tensor) -> Iterator[Tensor]:
    """Positions of all boxes in groups within which no two classes overlap."""
    classes, rank = labels.unique(return_inverse=True)
    low, high = boxes.new_full((2, len(classes)), torch.inf)
    low = low.scatter_reduce(0, rank, boxes.amin(1), 'amin')
    high = (-high).scatter_reduce(0, rank, boxes.amax(1), 'amax')
    for stride in (1, 2):
        # shifted boxes of neighboring classes overlap where coordinates are negative or large numbers are rounded
        if (low[stride:] >= high[:-stride]).all():
            for remainder in range(stride):
                yield _flat_nonzero(rank % stride == remainder)
            return
    order = rank.sort(stable=True).indices
    yield from order.split(rank.bincount().tolist())


def spread_classes(boxes: Tensor, labels: Tensor) -> Tensor:
    """Return the boxes with those of each class moved to a cell of their own in a square grid.

    Adding label * width to all coordinates, as usual, takes them to 10^7 for thousands of classes, where float32 has
    no fractions left; in the grid they stay below width * sqrt(classes at hand).

    Args:
        boxes: (K, 4) x1, y1, x2, y2 in pixels, finite.
        labels: (K,) int64 class of each.

    Returns:
        (K, 4) float32 or float64 boxes; those of different classes do not overlap.
    """
    if not len(boxes):
        return boxes
    boxes = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    classes, rank = labels.unique(return_inverse=True)
    columns = int(len(classes) ** 0.5) + 1
    boxes = boxes - boxes.min()
    cell = torch.stack([rank % columns, rank // columns] * 2, dim=1)
    return boxes + cell * (boxes.max().ceil() + 1)
