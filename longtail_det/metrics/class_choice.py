"""From the labels of a model to the classes of an annotation file, and what is known of their training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import match_classes
from longtail_det.evaluation.lvis import GroundTruth, find_sorted
from longtail_det.statistics import ClassStatistics


class ClassChoice(NamedTuple):
    """The classes of a data set in an annotation file.

    Args:
        gt: the objects of these classes alone.
        category_ids: (L,) int64 category id of each label of the model.
        label_of: (L,) int64 class index in `gt` of each label of the model.
    """

    gt: GroundTruth
    category_ids: NDArray[np.int64]
    label_of: NDArray[np.int64]

    def to_classes(self, labels: NDArray[np.int64], img_id: int) -> NDArray[np.int64]:
        """Look up class indices.

        Args:
            labels: (n,) int64 labels of the model.
            img_id: which image they are of, for the message.

        Raises:
            ValueError: a label that the data set does not have.
        """
        if len(labels) and (labels.min() < 0 or labels.max() >= len(self.label_of)):
            raise ValueError(
                f'image {img_id} has a predicted label {int(labels.max())}, but the data set has {len(self.label_of)} '
                "classes; set the heads' num_classes to the number of classes of the data set"
            )
        return self.label_of[labels]


def choose_classes(
    gt: GroundTruth, classes: Sequence[str] | None, statistics: ClassStatistics | None = None
) -> ClassChoice:
    """Find the classes of a data set in an annotation file, by name.

    Args:
        gt: the objects of the file.
        classes: names in the order of the model's labels.
        statistics: counts of the training set, which then tell rare, common and frequent.

    Raises:
        ValueError: no names, a name that the file or the statistics do not know.
    """
    if not classes:
        raise ValueError('the evaluator was given no class names; set metainfo=dict(classes=...) of the data set')
    categories = [{'id': c, 'name': name} for c, name in zip(gt.category_ids.tolist(), gt.names, strict=True)]
    category_ids = np.array(match_classes(classes, categories), dtype=np.int64)
    chosen = gt.select_classes(category_ids.tolist())
    if statistics is not None:
        chosen = replace(chosen, groups=_training_groups(statistics, classes)[np.argsort(category_ids)])
    return ClassChoice(chosen, category_ids, find_sorted(category_ids, chosen.category_ids)[0])


def _training_groups(statistics: ClassStatistics, classes: Sequence[str]) -> NDArray[np.str_]:
    """Frequency groups in the order of the model's labels."""
    if statistics.names:
        group_of = dict(zip(statistics.names, statistics.frequency, strict=True))
        missing = [name for name in classes if name not in group_of]
        if missing:
            raise ValueError(
                f'val_evaluator.class_statistics know nothing of class {missing[0]!r}; give those of the training set'
            )
        return np.array([group_of[name] for name in classes])
    if statistics.num_classes != len(classes):
        raise ValueError(
            f'val_evaluator.class_statistics are of {statistics.num_classes} classes, but the data set has '
            f'{len(classes)}; give those of the training set'
        )
    return statistics.frequency
