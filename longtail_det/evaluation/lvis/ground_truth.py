"""The objects of an annotation file as columns, with the federated rules of LVIS as sets of (image, class) pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

from longtail_det.annotations import find_sorted
from longtail_det.checks import InputError


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What detections are scored against: I images, C classes, A objects.

    The pair of image row i and class index c is the number `i * C + c`. Objects are ascending by pair, and in file
    order within a pair; only those of a known image and class whose area is above zero are here, as in the lvis API.

    Args:
        image_ids: (I,) int64, ascending.
        image_sizes: (I, 2) int64 height and width, pixels.
        category_ids: (C,) int64, ascending.
        names: C class names.
        groups: (C,) frequency groups 'r', 'c', 'f' of the training set; None where nothing is known of it.
        federated: whether any image lists `neg_category_ids`.
        complete: (I,) bool, images that list none: every class was searched for there.
        pairs: (A,) int64 pair of each object, ascending.
        object_ids: (A,) int64 ids of the annotations.
        boxes: (A, 4) float64 x, y, width, height, pixels.
        areas: (A,) float64 square pixels, as annotated.
        ignore: (A,) bool, objects that are neither searched for nor false positives.
        segmentations: A polygon lists or RLEs, read one by one; may be empty where only boxes are scored.
        segmentation_rows: (A,) int64, where in `segmentations` the mask of each object is.
        listed_pairs: int64 ascending, pairs that the file tells of: with objects, or searched for and not found
            (`neg_category_ids`).
        open_pairs: int64 ascending, pairs of which some objects are not annotated (`not_exhaustive_category_ids`).
    """

    image_ids: NDArray[np.int64]
    image_sizes: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    names: tuple[str, ...]
    groups: NDArray[np.str_] | None
    federated: bool
    complete: NDArray[np.bool_]
    pairs: NDArray[np.int64]
    object_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    areas: NDArray[np.float64]
    ignore: NDArray[np.bool_]
    segmentations: Sequence[Any]
    segmentation_rows: NDArray[np.int64]
    listed_pairs: NDArray[np.int64]
    open_pairs: NDArray[np.int64]

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        return len(self.category_ids)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(A,) class index of each object."""
        return self.pairs % max(self.num_classes, 1)

    @property
    def object_images(self) -> NDArray[np.int64]:
        """(A,) image row of each object."""
        return self.pairs // max(self.num_classes, 1)

    def segmentation(self, row: int) -> Any:
        """Polygons or RLE of one object, as the file has them."""
        return self.segmentations[self.segmentation_rows[row]]

    def rle(self, row: int) -> dict[str, Any]:
        """Compressed RLE of one object, on the size of its image, as the lvis API encodes it."""
        height, width = self.image_sizes[self.pairs[row] // self.num_classes].tolist()
        segmentation = self.segmentation(row)
        if isinstance(segmentation, list):
            rles = mask_utils.frPyObjects(segmentation, height, width)
            return rles[0] if len(rles) == 1 else mask_utils.merge(rles)
        if isinstance(segmentation['counts'], list):
            return mask_utils.frPyObjects(segmentation, height, width)
        return segmentation

    def find_classes(self, category_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Look up classes by category id.

        Args:
            category_ids: (n,) int64.

        Returns:
            (n,) class indices, meaningless where the class is not here, and (n,) bool whether it is.
        """
        return find_sorted(category_ids, self.category_ids)

    def image_rows(self, img_ids: Collection[int]) -> NDArray[np.int64]:
        """Look up images by id.

        Args:
            img_ids: ids, each once.

        Returns:
            (len(img_ids),) rows, in the order given.

        Raises:
            InputError: an id that the file does not hold.
        """
        wanted = np.fromiter(img_ids, dtype=np.int64, count=len(img_ids))
        rows, known = find_sorted(wanted, self.image_ids)
        if not known.all():
            raise InputError(
                f'image id {wanted[~known].min()} was predicted but is not among the {len(self.image_ids)} images of '
                'the annotation file; val_evaluator.ann_file must be the file of the dataset'
            )
        return rows

    def is_scored(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether detections of the class are scored on the image.

        They are if the image shows the class, lists it as absent, or is annotated completely.

        Args:
            pairs: (n,) int64.
        """
        listed = find_sorted(pairs, self.listed_pairs)[1]
        return listed | self.complete[pairs // self.num_classes] if self.complete.any() else listed

    def is_open(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether some objects of the pair are not annotated, so that an unmatched detection may be right.

        Args:
            pairs: (n,) int64.
        """
        return find_sorted(pairs, self.open_pairs)[1]

    def select_classes(self, category_ids: Collection[int]) -> GroundTruth:
        """Restrict to some classes; images stay.

        Args:
            category_ids: ids, of which those the file does not hold are left out.
        """
        kept = np.isin(self.category_ids, np.fromiter(category_ids, dtype=np.int64, count=len(category_ids)))
        if kept.all():
            return self
        number = np.cumsum(kept) - 1
        num_kept = int(kept.sum())

        def renumber(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
            images, labels = np.divmod(pairs, max(self.num_classes, 1))
            return (images * num_kept + number[labels])[kept[labels]], kept[labels]

        pairs, rows = renumber(self.pairs)
        columns = ('object_ids', 'boxes', 'areas', 'ignore', 'segmentation_rows')
        return replace(
            self,
            category_ids=self.category_ids[kept],
            names=tuple(name for name, keep in zip(self.names, kept, strict=True) if keep),
            groups=None if self.groups is None else self.groups[kept],
            pairs=pairs,
            listed_pairs=renumber(self.listed_pairs)[0],
            open_pairs=renumber(self.open_pairs)[0],
            **{column: getattr(self, column)[rows] for column in columns},
        )
