"""Matched detections of a dataset -> precision at 101 recalls, per class, as the lvis API accumulates them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import parameters
from .flags import packed_flag
from .ground_truth import GroundTruth
from .match_table import MatchTable
from .matching import outside_area
from .parameters import AREA_RANGES, IOU_THRESHOLDS, RECALL_THRESHOLDS

#: detections that are sorted together; more take memory and save no time
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
    """Count ground-truth objects per class and area range.

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


def best_of_class(labels: NDArray[Any], scores: NDArray[Any], max_dets: int | None = None) -> NDArray[np.bool_]:
    """Select the best detections of each class over the dataset (Dave et al., 2021, arXiv:2102.01066).

    Args:
        labels: (n,) int class indices.
        scores: (n,) float.
        max_dets: how many of a class count; of equal scores the earlier ones. `MAX_CLASS_DETS` where None.

    Returns:
        (n,) bool.
    """
    max_dets = parameters.MAX_CLASS_DETS if max_dets is None else max_dets
    kept = np.ones(len(labels), dtype=bool)
    counts = np.bincount(labels)
    if counts.max(initial=0) > max_dets:
        by_class = _stable_order(labels)
        for label in np.flatnonzero(counts > max_dets):
            stop = int(counts[: label + 1].sum())
            rows = by_class[stop - counts[label] : stop]
            kept[rows[np.argsort(-scores[rows], kind='stable')[max_dets:]]] = False
    return kept


def _stable_order(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the rows that put small numbers in ascending order, of equal ones the earlier first.

    Args:
        values: (n,) int, not negative.
    """
    # numpy counts numbers of 16 bits and compares longer ones
    small = values.astype(np.min_scalar_type(values.max(initial=0)), copy=False)
    return np.argsort(small, kind='stable')


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
    order, bounds = rank_detections(matches, kept, len(num_objects), pool)
    # gathered once: all flags of a detection are side by side, those of the next one elsewhere
    ranked = [flags[order] for flags in (matches.true_positives, matches.false_positives)]
    del order
    for area in range(len(AREA_RANGES)):
        precision = np.full((len(IOU_THRESHOLDS), len(RECALL_THRESHOLDS), len(num_objects)), -1.0)
        recall = np.full((len(IOU_THRESHOLDS), len(num_objects)), -1.0)
        defined = np.flatnonzero(num_objects[:, area])
        wanted = recall_counts(num_objects[defined, area])
        for threshold in range(len(IOU_THRESHOLDS)):
            true_positives, false_positives = (packed_flag(flags, area, threshold) for flags in ranked)
            found, at_recall = class_curves(
                true_positives, false_positives, bounds[:-1][defined], bounds[1:][defined], wanted
            )
            precision[threshold][:, defined] = at_recall.T
            recall[threshold, defined] = found / num_objects[defined, area]
        yield Curves(precision, recall)
        del precision, recall  # or they would stay while the next ones are made


def recall_counts(num_objects: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the true positives with which each recall threshold is reached.

    Args:
        num_objects: (C,) ground-truth objects of each class, at least 1.

    Returns:
        (C, 101) the smallest numbers, at least 1, whose quotient by the objects is no less than the threshold as
        float64 has it.

    Example:
        >>> recall_counts(np.array([4]))[0, [0, 25, 26, 100]].tolist()
        [1, 1, 2, 4]
    """
    objects = num_objects[:, None]
    counts = np.ceil(objects * RECALL_THRESHOLDS).astype(np.int64)
    # the product is rounded otherwise than the quotient, by which the lvis API decides: off by one at most
    counts -= (counts - 1) / objects >= RECALL_THRESHOLDS
    counts += counts / objects < RECALL_THRESHOLDS
    return np.maximum(counts, 1)


def class_curves(
    true_positives: NDArray[np.bool_],
    false_positives: NDArray[np.bool_],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Precision of each class at each recall threshold, the best at this recall or a higher one.

    Only the true positives are looked at: behind one of them the precision falls until the next.

    Args:
        true_positives: (n,) bool, true positives; the detections of a class side by side, best score first.
        false_positives: (n,) bool, false positives; what is neither does not count.
        starts: (C,) int, ascending, first detection of each class.
        stops: (C,) int, where the detections of each class end.
        wanted: (C, 101) from `recall_counts`.

    Returns:
        (C,) true positives, and (C, 101) precision, 0 where the recall is not reached.
    """
    at_recall = np.zeros(wanted.shape)
    places = np.flatnonzero(true_positives)
    first, end = np.searchsorted(places, starts), np.searchsorted(places, stops)
    found = end - first
    if not len(places):
        return found, at_recall
    before = np.cumsum(false_positives, dtype=np.int32)  # no true positive is a false one, so none counts itself
    at_start = np.where(starts > 0, before[np.maximum(starts, 1) - 1], 0)
    within = np.concatenate([[0], np.cumsum(found)])
    number = np.arange(within[-1]) - np.repeat(within[:-1], found)
    places = places[number + np.repeat(first, found)]
    tp = number + 1
    precision = tp / (before[places] - np.repeat(at_start, found) + tp + np.spacing(1))
    # the best between one wanted recall and the next, then the best from there on
    reached = wanted <= found[:, None]
    segments = (within[:-1, None] + wanted - 1)[reached]
    at_recall[reached] = np.maximum.reduceat(precision, segments)
    return found, np.maximum.accumulate(at_recall[:, ::-1], axis=1)[:, ::-1]


def rank_detections(
    matches: MatchTable, kept: NDArray[np.bool_] | None, num_classes: int, pool: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Rank the detections of each class by score, of equal scores the earlier image first.

    Args:
        matches: detections, ascending by image.
        kept: (m,) bool, which of them count; all where None.
        num_classes: C.
        pool: rank the detections of all classes together.

    Returns:
        Rows that count, by class and then best score first, and (C + 1,) where each class begins and the last one ends.
    """
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
