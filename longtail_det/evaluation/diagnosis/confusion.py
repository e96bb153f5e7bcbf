"""With which classes ground truth is confused, and what detections lie on, by frequency group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import find_sorted
from longtail_det.statistics import FREQUENCY_GROUPS

from ..lvis import Detections, ScoredDetections
from .outcomes import Outcome, detection_outcomes, nearest_objects

#: where an object ends up that is not found and that no detection of another class covers
MISSED = -2
#: what a detection lies on that overlaps no object enough
BACKGROUND = -2
#: a right answer
RIGHT = -1


@dataclass(frozen=True, eq=False)
class Confusion:
    """Answers at a score threshold.

    Args:
        object_labels: (a,) class index of each object on the images that were looked at.
        confused_with: (a,) class index that the object is confused with, `RIGHT` where it is found, or `MISSED`.
        detection_labels: (d,) class index of each detection that is right or wrong; those that do not count are out.
        lies_on: (d,) class index of the object under a wrong detection, its own for a second one on the same object;
            `RIGHT`, or `BACKGROUND`.
        groups: (C,) frequency groups 'r', 'c', 'f' of the classes.
    """

    object_labels: NDArray[np.int64]
    confused_with: NDArray[np.int64]
    detection_labels: NDArray[np.int64]
    lies_on: NDArray[np.int64]
    groups: NDArray[np.str_]

    def objects_by_group(self) -> NDArray[np.int64]:
        """Count objects: (3, 5), rows r, c, f; columns found, confused with another class of r, c, f, missed."""
        return self._by_group(self.object_labels, self.confused_with)

    def detections_by_group(self) -> NDArray[np.int64]:
        """Count detections: (3, 5), rows r, c, f; columns right, on an object of r, c, f, on background."""
        return self._by_group(self.detection_labels, self.lies_on)

    def top_pairs(self, group: str = 'r', count: int = 10) -> list[tuple[int, int, int]]:
        """Return the most frequent confusions of the classes of a group.

        Args:
            group: 'r', 'c' or 'f', of the objects.
            count: how many pairs, at most.

        Returns:
            (class index of the object, class index it is confused with, number of objects), most frequent first.
        """
        taken = (self.confused_with >= 0) & (self.groups[self.object_labels] == group)
        pairs = np.stack([self.object_labels[taken], self.confused_with[taken]], axis=1)
        kinds, numbers = np.unique(pairs, axis=0, return_counts=True)
        order = np.argsort(-numbers, kind='stable')[:count]
        return [(int(a), int(b), int(n)) for (a, b), n in zip(kinds[order], numbers[order], strict=True)]

    def _by_group(self, labels: NDArray[np.int64], answers: NDArray[np.int64]) -> NDArray[np.int64]:
        keys = list(FREQUENCY_GROUPS)
        number = np.array([keys.index(group) for group in self.groups.tolist()], dtype=np.int64)
        column = np.where(answers == RIGHT, 0, np.where(answers < 0, 4, number[np.maximum(answers, 0)] + 1))
        table = np.zeros((3, 5), dtype=np.int64)
        np.add.at(table, (number[labels], column), 1)
        return table


def confusion(
    scored: ScoredDetections, detections: Detections, score_threshold: float = 0.3, iou_threshold: float = 0.5
) -> Confusion:
    """Compute with which class each ground truth is confused, and what each detection lies on.

    An object is found if a detection of its class is matched with it at IoU 0.5. One that is not found is confused with
    the class of the best detection whose box overlaps it more than any other object, and by the threshold at least.

    Args:
        scored: from `match_detections` of these detections.
        detections: with boxes.
        score_threshold: in [0, 1], detections below are left out.
        iou_threshold: box overlap from which a detection is about an object.

    Raises:
        ValueError: ground truth without frequency groups, or detections without boxes.
    """
    gt = scored.gt
    if gt.groups is None:
        raise ValueError('confusion by frequency group needs groups; the annotation file tells none')
    outcomes = detection_outcomes(scored, len(detections))
    nearest, iou = nearest_objects(gt, detections)
    labels, known = gt.find_classes(detections.category_ids)
    shown = known & (detections.scores >= score_threshold)
    about = shown & (iou >= iou_threshold)
    object_labels, num_objects = gt.labels, len(gt.pairs)

    confused_with = np.full(num_objects, MISSED, dtype=np.int64)
    other = np.flatnonzero(about & (labels != object_labels[nearest])) if num_objects else np.zeros(0, np.int64)
    other = other[np.argsort(detections.scores[other], kind='stable')]
    confused_with[nearest[other]] = labels[other]  # of several the last one stays, the best
    found = outcomes.object_rows[shown & (outcomes.outcome == Outcome.TRUE_POSITIVE)]
    confused_with[found[found >= 0]] = RIGHT
    looked_at = find_sorted(gt.object_images, scored.image_rows)[1] & ~gt.ignore

    judged = shown & np.isin(outcomes.outcome, (Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE))
    under = object_labels[nearest] if num_objects else np.zeros(len(detections), np.int64)
    lies_on = np.where(outcomes.outcome == Outcome.TRUE_POSITIVE, RIGHT, np.where(about, under, BACKGROUND))
    return Confusion(object_labels[looked_at], confused_with[looked_at], labels[judged], lies_on[judged], gt.groups)
