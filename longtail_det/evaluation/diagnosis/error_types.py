"""What kind of errors a detector makes, and how much AP each kind costs (TIDE: Bolya et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..lvis.accumulation import class_curves, recall_counts
from .class_table import mean_of_defined
from .object_overlaps import ObjectOverlaps

#: kinds of errors, and what is meant
ERROR_TYPES = {
    'classification': 'on an object of another class',
    'localization': 'beside an object of its class',
    'both': 'beside an object of another class',
    'duplicate': 'on an object that is already found',
    'background': 'on no object',
    'missed': 'an object that no detection is about',
}
_FOREGROUND, _BACKGROUND = 0.5, 0.1


@dataclass(frozen=True, eq=False)
class ErrorTypes:
    """AP at IoU 0.5 as it is, and with one kind of error fixed.

    Args:
        ap: (C,) float64 AP of each class in [0, 1]; NaN where there is nothing to find.
        fixed: kind -> (C,) AP with all errors of the kind fixed; NaN also where nothing to find is left.
        counts: kind -> (C,) int64 errors, by class of the detection; of 'missed' by class of the object.
        groups: (C,) 'r', 'c', 'f'; None where nothing is known of the training set.
    """

    ap: NDArray[np.float64]
    fixed: Mapping[str, NDArray[np.float64]]
    counts: Mapping[str, NDArray[np.int64]]
    groups: NDArray[np.str_] | None

    def lost(self, group: str | None = None) -> dict[str, float]:
        """Return by how much AP50 would rise if one kind of error was fixed; NaN where it is undefined.

        Args:
            group: 'r', 'c' or 'f'; all classes where None.
        """
        inside = self._inside(group)
        base = float(mean_of_defined(self.ap[inside]))
        return {kind: float(mean_of_defined(ap[inside])) - base for kind, ap in self.fixed.items()}

    def count(self, group: str | None = None) -> dict[str, int]:
        """Count the errors of each kind.

        Args:
            group: 'r', 'c' or 'f'; all classes where None.
        """
        return {kind: int(counts[self._inside(group)].sum()) for kind, counts in self.counts.items()}

    def _inside(self, group: str | None) -> NDArray[np.bool_]:
        if group is None or self.groups is None:
            return np.full(len(self.ap), group is None)
        inside: NDArray[np.bool_] = self.groups == group
        return inside


def error_types(overlaps: ObjectOverlaps) -> ErrorTypes:
    """Sort the errors into kinds, and compute the AP that fixing each kind would give.

    At IoU 0.5 each wrong detection is of the first kind that fits, in this order:
    'localization' overlaps an object of its class by 0.1 to 0.5; 'classification' one of another class by 0.5 or more;
    'duplicate' one of its class by 0.5 or more, which a better detection has; 'background' no object by 0.1; 'both' is
    what remains. 'missed' is an object without a match that no 'localization' or 'classification' error is about.

    Fixed means: the best 'localization' or 'classification' error on an object without a match becomes a true positive
    of the object's class, and the others on it, as those on matched objects, are removed; errors of the next three
    kinds are removed; missed objects need not be found. A class of which all objects are missed drops out of the mean
    of the fixed AP, as a class without objects does in the LVIS API. The gains do not add up to the AP that is lost:
    each is for one kind alone.

    On LVIS the federated rules hold, see `ObjectOverlaps`: a detection of a class that its image neither shows nor
    lists as absent is no error of any kind.

    Args:
        overlaps: of the detections that count.
    """
    gt = overlaps.gt
    kinds = _kinds(overlaps)
    num_objects = np.bincount(gt.labels[overlaps.objects], minlength=gt.num_classes)
    matched = np.zeros(len(gt.pairs), dtype=bool)
    matched[overlaps.matched[overlaps.is_true]] = True
    targets = {'localization': overlaps.own, 'classification': overlaps.other}
    covered = matched.copy()
    for kind, target in targets.items():
        covered[target[kinds == kind]] = True
    missed = np.bincount(gt.labels[overlaps.objects[~covered[overlaps.objects]]], minlength=gt.num_classes)
    fixed, counts = {}, {}
    for kind in ERROR_TYPES:
        wrong = kinds == kind
        counts[kind] = np.bincount(overlaps.labels[wrong], minlength=gt.num_classes)
        labels, is_true, kept = overlaps.labels.copy(), overlaps.is_true.copy(), ~wrong
        if kind in targets:
            rows = _best_of_each(np.flatnonzero(wrong), targets[kind], overlaps.scores)
            rows = rows[~matched[targets[kind][rows]]]
            labels[rows], is_true[rows], kept[rows] = gt.labels[targets[kind][rows]], True, True
        left = num_objects - missed if kind == 'missed' else num_objects
        fixed[kind] = _class_ap(labels[kept], overlaps.scores[kept], is_true[kept], left)
    counts['missed'] = missed
    ap = _class_ap(overlaps.labels, overlaps.scores, overlaps.is_true, num_objects)
    return ErrorTypes(ap, fixed, counts, gt.groups)


def _kinds(overlaps: ObjectOverlaps) -> NDArray[np.str_]:
    """(n,) kind of each detection, empty where it is right."""
    own, other = overlaps.own_iou, overlaps.other_iou
    return np.select(
        [
            overlaps.is_true,
            (own >= _BACKGROUND) & (own < _FOREGROUND),
            other >= _FOREGROUND,
            own >= _FOREGROUND,
            np.maximum(own, other) < _BACKGROUND,
        ],
        ['', 'localization', 'classification', 'duplicate', 'background'],
        'both',
    )


def _best_of_each(
    rows: NDArray[np.int64], targets: NDArray[np.int64], scores: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Of rows with the same target the one of the best score, of equal scores the first."""
    rows = rows[np.argsort(-scores[rows], kind='stable')]
    return rows[np.unique(targets[rows], return_index=True)[1]]


def _class_ap(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    is_true: NDArray[np.bool_],
    num_objects: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(C,) AP at one threshold; NaN where there is nothing to find."""
    ap = np.full(len(num_objects), np.nan)
    defined = np.flatnonzero(num_objects)
    order = np.lexsort((-scores, labels))
    bounds = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=len(num_objects)))])
    starts, stops = bounds[:-1][defined], bounds[1:][defined]
    _, precision = class_curves(is_true[order], ~is_true[order], starts, stops, recall_counts(num_objects[defined]))
    ap[defined] = precision.mean(axis=1)
    return ap
