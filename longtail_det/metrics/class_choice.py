"""From the labels of a model to the classes of an annotation file, and what is known of their training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import find_sorted, select_categories
from longtail_det.evaluation import GroundTruth
from longtail_det.statistics import ClassStatistics

from .records import check_labels


class ClassChoice(NamedTuple):
    """The classes of a dataset in an annotation file.

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
            ValueError: a label that the dataset does not have.
        """
        check_labels(labels, len(self.label_of), img_id)
        return self.label_of[labels]


def class_ids(categories: Sequence[Mapping[str, Any]], classes: Sequence[str] | None, path: str) -> list[int]:
    """Return the category id of each class of a dataset, by name.

    Args:
        categories: records with `id` and `name`.
        classes: names in the order of the model's labels.
        path: the annotation file, as messages name it.

    Raises:
        ValueError: no names, or a name that the file does not know.
    """
    if not classes:
        raise ValueError('the evaluator was given no class names; set metainfo=dict(classes=...) of the dataset')
    try:
        return [category['id'] for category in select_categories(categories, classes, path)]
    except ValueError as error:
        raise ValueError(f'{error}; val_evaluator.ann_file must be the file of the dataset') from None


def choose_classes(
    gt: GroundTruth, classes: Sequence[str] | None, path: str, statistics: ClassStatistics | None = None
) -> ClassChoice:
    """Select the classes of a dataset in an annotation file, by name.

    Args:
        gt: the objects of the file.
        classes: names in the order of the model's labels.
        path: the annotation file, as messages name it.
        statistics: counts of the training set, which then tell rare, common and frequent.

    Raises:
        ValueError: no names, a name that the file or the statistics do not know.
    """
    categories = [{'id': c, 'name': name} for c, name in zip(gt.category_ids.tolist(), gt.names, strict=True)]
    category_ids = np.array(class_ids(categories, classes, path), dtype=np.int64)
    chosen = gt.select_classes(category_ids.tolist())
    if statistics is not None:
        try:
            chosen = replace(chosen, groups=statistics.of_classes(classes or ()).frequency[np.argsort(category_ids)])
        except ValueError as error:
            raise ValueError(f'val_evaluator.class_statistics: {error}; give those of the training set') from None
    return ClassChoice(chosen, category_ids, find_sorted(category_ids, chosen.category_ids)[0])
