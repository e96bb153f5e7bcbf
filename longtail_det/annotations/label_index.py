"""The class labels of every image in three flat arrays: what samplers and statistics ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import ClassStatistics, unique_pairs

from .table import AnnotationTable, ImageTable, find_rows


class Role(IntEnum):
    """What training does with an annotation."""

    INSTANCE = 0
    CROWD = 1
    TINY = 2
    IGNORED = 3


@dataclass(frozen=True)
class LabelIndex:
    """Labels and roles of the annotations of all images, image after image.

    Args:
        labels: (A,) int32 class labels in [0, C).
        roles: (A,) uint8, a `Role` each.
        offsets: (I + 1,) int64; image i holds the annotations from `offsets[i]` up to `offsets[i + 1]`.
        rows: (A,) int64 row of each annotation in the columns of the file.
        image_rows: (I,) int64 row of each image likewise.
    """

    labels: NDArray[np.int32]
    roles: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    image_rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def annotated(self) -> NDArray[np.bool_]:
        """(I,) bool, images with an annotation of whatever role."""
        return np.diff(self.offsets) > 0

    def labels_of(self, image: int) -> NDArray[np.int32]:
        """Labels of the boxes of one image, those of crowd regions included, in the order of its instances."""
        span = slice(self.offsets[image], self.offsets[image + 1])
        return self.labels[span][self.roles[span] <= Role.CROWD]

    def unique_labels(self) -> list[NDArray[np.int32]]:
        """Return for each image the ascending labels of the instances that are trained on, each once."""
        images, labels = self._pairs(self.roles == Role.INSTANCE)
        bounds = np.searchsorted(images, np.arange(len(self) + 1)).tolist()
        return [labels[start:stop] for start, stop in pairwise(bounds)]

    def statistics(self, names: Sequence[str]) -> ClassStatistics:
        """Count images and instances per class; crowd regions are no instances, tiny ones are.

        The tiny ones, though mmdet trains on none of them, are counted in the `image_count` of LVIS, from which
        the frequency groups follow.

        Args:
            names: the C class names.
        """
        counted = (self.roles == Role.INSTANCE) | (self.roles == Role.TINY)
        images, labels = self._pairs(counted)
        return ClassStatistics(
            image_count=np.bincount(labels, minlength=len(names)),
            instance_count=np.bincount(self.labels[counted], minlength=len(names)),
            num_images=len(np.unique(images)),
            names=tuple(names),
        )

    def summary(self) -> str:
        """Return in a few words for a log what is there, and what is not trained on."""
        counts = np.bincount(self.roles, minlength=len(Role)).tolist()
        rest = {
            'crowd regions': counts[Role.CROWD],
            'left out for a side below one pixel or no area': counts[Role.TINY],
            "left out for 'ignore'": counts[Role.IGNORED],
        }
        return ', '.join(
            [f'{len(self)} images, {counts[Role.INSTANCE]} instances']
            + [f'{count} {what}' for what, count in rest.items() if count]
        )

    def select(self, images: NDArray[np.intp] | Sequence[int] | int) -> LabelIndex:
        """Select some images.

        Args:
            images: positions, negative ones counting from the end; or a number as mmengine's `get_subset` takes
                it: the first n images, the last -n where it is negative.
        """
        everything = np.arange(len(self))
        if isinstance(images, int):
            chosen = everything[:images] if images >= 0 else everything[images:]
        else:
            chosen = everything[np.asarray(images, dtype=np.intp)]
        counts = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], counts)
        return LabelIndex(self.labels[rows], self.roles[rows], offsets, self.rows[rows], self.image_rows[chosen])

    def _pairs(self, mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the unique (image, label) pairs of the masked annotations, sorted."""
        images = np.repeat(np.arange(len(self)), np.diff(self.offsets))[mask]
        return unique_pairs(images, self.labels[mask])


def index_labels(annotations: AnnotationTable, images: ImageTable, class_ids: NDArray[np.int64]) -> LabelIndex:
    """Sort the annotations of the classes by image.

    Args:
        annotations: in any order; those of other categories or on other images are left out.
        images: the images of the index.
        class_ids: (C,) category id of class 0, 1, ...

    Returns:
        Image after image, those of an image in the order of `annotations`.
    """
    labels, image_rows = find_rows(annotations.category_ids, class_ids), find_rows(annotations.image_ids, images.ids)
    rows = np.flatnonzero((labels >= 0) & (image_rows >= 0))
    rows = rows[np.argsort(image_rows[rows], kind='stable')]
    offsets = np.searchsorted(image_rows[rows], np.arange(len(images) + 1))
    roles = assign_roles(annotations)[rows]
    return LabelIndex(labels[rows].astype(np.int32), roles, offsets, annotations.rows[rows], images.rows)


def assign_roles(annotations: AnnotationTable) -> NDArray[np.uint8]:
    """Decide what training does with each annotation, by the rules of mmdet's datasets.

    Args:
        annotations: any.

    Returns:
        (A,) uint8, a `Role` each. Tiny crowd regions are ignored: they are neither regions nor instances.
    """
    crowd, tiny = annotations.crowd, annotations.tiny
    roles = np.where(crowd, Role.CROWD, np.where(tiny, Role.TINY, Role.INSTANCE))
    roles[annotations.ignore | (crowd & tiny)] = Role.IGNORED
    return roles.astype(np.uint8)
