"""Matched detections of a data set -> precision at 101 recalls, per class, as the lvis API accumulates them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .ground_truth import GroundTruth
from .match_table import MatchTable
from .matching import outside_area
from .parameters import AREA_RANGES, CLASS_CAP, IOU_THRESHOLDS, RECALL_THRESHOLDS

#: detections, or detections x thresholds, that are looked at together; more take memory and save no time
_LARGE = 200_000


class Curves(NamedTuple):
    """Precision and recall in one area range; -1 for a class without objects.

    Args:
        precision: (T, 101, C) float64 at IoU threshold, recall, class.
        recall: (T, C) float64.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def count_objects(gt: GroundTruth, image_rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count what is to be found.

    Args:
        gt: the objects.
        image_rows: images that were looked at.

    Returns:
        (C, 4) objects per class and area range, those to be ignored left out.
    """
    seen = np.zeros(len(gt.image_ids), dtype=bool)
    seen[image_rows] = True
    counted = (seen[gt.object_images] & ~gt.ignore)[:, None] & ~outside_area(gt.areas)
    return np.stack([np.bincount(gt.labels[column], minlength=gt.num_classes) for column in counted.T], axis=1)


def best_of_class(labels: NDArray[Any], scores: NDArray[Any], cap: int = CLASS_CAP) -> NDArray[np.bool_]:
    """Mark the best detections of each class over the data set (Dave et al., 2021, arXiv:2102.01066).

    Args:
        labels: (n,) int class indices.
        scores: (n,) float.
        cap: how many of a class count; of equal scores the earlier ones.

    Returns:
        (n,) bool.
    """
    kept = np.ones(len(labels), dtype=bool)
    for label in np.flatnonzero(np.bincount(labels) > cap) if len(labels) else ():
        rows = np.flatnonzero(labels == label)
        kept[rows[np.argsort(-scores[rows], kind='stable')[cap:]]] = False
    return kept


def curves_by_area(
    matches: MatchTable,
    num_objects: NDArray[np.int64],
    kept: NDArray[np.bool_] | None = None,
    pool: bool = False,
) -> Iterator[Curves]:
    """Accumulate the four area ranges, one after the other, since each takes megabytes.

    Args:
        matches: detections, ascending by image.
        num_objects: (C, 4) from `count_objects`.
        kept: (m,) bool, which of them count; all where None.
        pool: rank the detections of all classes together, as if they were one class (Dave et al., 2021).

    Yields:
        `Curves` of `AREA_RANGES` in their order; with `pool` of one class.
    """
    num_objects = num_objects.sum(axis=0, keepdims=True) if pool else num_objects
    ranked, bounds = _ranking(matches, kept, len(num_objects), pool)
    num_thresholds = len(IOU_THRESHOLDS)
    for area in range(len(AREA_RANGES)):
        precision = np.full((num_thresholds, len(RECALL_THRESHOLDS), len(num_objects)), -1.0)
        recall = np.full((num_thresholds, len(num_objects)), -1.0)
        for label in np.flatnonzero(num_objects[:, area]).tolist():
            rows = ranked[bounds[label] : bounds[label + 1]]
            precision[:, :, label], recall[:, label] = class_curve(
                _unpack(matches.hits[rows], area), _unpack(matches.misses[rows], area), int(num_objects[label, area])
            )
        yield Curves(precision, recall)
        del precision, recall  # or they would stay while the next ones are made


def _ranking(
    matches: MatchTable, kept: NDArray[np.bool_] | None, num_classes: int, pool: bool
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Rows that count, by class and then best score first, of equal scores the earlier image; bounds of the classes."""
    kept = np.ones(len(matches), dtype=bool) if kept is None else kept
    labels = np.zeros(len(matches), dtype=np.int8) if pool else matches.labels
    bounds = np.concatenate([[0], np.cumsum(np.bincount(labels[kept], minlength=num_classes))])
    ranked = np.empty(bounds[-1], dtype=np.int32)
    if not num_classes:
        return ranked, bounds
    # some classes after the other: a sort of all at once would take several times the memory
    block = bounds[1:] // _LARGE
    for classes in np.split(np.arange(num_classes), np.flatnonzero(np.diff(block)) + 1):
        first, last = classes[[0, -1]]
        rows = np.flatnonzero(kept & (labels >= first) & (labels <= last))
        order = np.lexsort((-matches.scores[rows], labels[rows]))
        ranked[bounds[first] : bounds[last + 1]] = rows[order]
    return ranked, bounds


def class_curve(
    hits: NDArray[Any], misses: NDArray[Any], num_objects: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision at each recall threshold, the best at this recall or a higher one.

    Args:
        hits: (T, n) bool or 0/1, true positives, best score first.
        misses: (T, n) likewise, false positives.
        num_objects: what is to be found, at least 1.

    Returns:
        (T, 101) precision, 0 where the recall is not reached, and (T,) recall.
    """
    num_thresholds = len(hits)
    if hits.size > _LARGE and num_thresholds > 1:
        rows = [class_curve(hits[t : t + 1], misses[t : t + 1], num_objects) for t in range(num_thresholds)]
        return np.concatenate([precision for precision, _ in rows]), np.concatenate([recall for _, recall in rows])
    last = np.flatnonzero(hits.any(axis=0))[-1:]
    if not last.size:
        return np.zeros((num_thresholds, len(RECALL_THRESHOLDS))), np.zeros(num_thresholds)
    # behind the last true positive the precision only falls
    count = int(last[0]) + 1
    hits, misses = hits[:, :count], misses[:, :count]
    tp = np.cumsum(hits, axis=1, dtype=np.float64)
    total = np.cumsum(misses, axis=1, dtype=np.float64)
    total += tp
    total += np.spacing(1)
    precision = np.maximum.accumulate((tp / total)[:, ::-1], axis=1)[:, ::-1]
    # the recall tp / num_objects reaches a threshold where tp reaches a whole number: few to look for
    needed = np.searchsorted(np.arange(num_objects + 1) / num_objects, RECALL_THRESHOLDS)
    wanted, of_threshold = (needed, slice(None)) if num_objects > len(needed) else (np.arange(num_objects + 1), needed)
    # a stride keeps the rows apart, so that all are searched at once
    offset = (num_objects + 2) * np.arange(num_thresholds)[:, None]
    place = np.searchsorted((tp + offset).ravel(), (wanted + offset).ravel()).reshape(num_thresholds, -1)
    ends = count * np.arange(1, num_thresholds + 1)[:, None]
    at_wanted = np.where(place < ends, precision.ravel()[np.minimum(place, ends - 1)], 0.0)
    return at_wanted[:, of_threshold], tp[:, -1] / num_objects


def _unpack(bits: NDArray[np.uint8], area: int) -> NDArray[np.uint8]:
    first, skipped = divmod(area * len(IOU_THRESHOLDS), 8)
    return np.unpackbits(bits[:, first : first + 2], axis=1)[:, skipped : skipped + len(IOU_THRESHOLDS)].T
