"""Records of a standard results file -> columns, each record checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .detection_rows import DetectionRows, first_fault
from .parameters import needs_masks
from .rle_column import RLEColumn

#: records that are read together: few enough to stay in the processor's cache from one field to the next
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of a dataset as columns, n of them in the order of the file.

    Args:
        image_ids: (n,) int64.
        category_ids: (n,) int64.
        scores: (n,) float64.
        boxes: (n, 4) float64 x, y, width, height, pixels; None where only masks are scored.
        masks: n RLEs; None where only boxes are scored.
        areas: (n,) float64 square pixels, what sorts a detection into the area ranges; its own area where None.
    """

    image_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64] | None = None
    masks: Sequence[Mapping[str, Any]] | None = None
    areas: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.image_ids)

    @classmethod
    def from_rows(cls, rows: DetectionRows) -> Detections:
        """Return the columns of the records that were read."""
        return cls(
            image_ids=rows.column('image_id', np.int64),
            category_ids=rows.column('category_id', np.int64),
            scores=rows.column('score', np.float64),
            boxes=rows.column('bbox', np.float64).reshape(-1, 4) if 'bbox' in rows.keys else None,
            masks=rows.masks if 'segmentation' in rows.keys else None,
        )

    def require_categories(self, category_ids: NDArray[np.int64], name: str) -> None:
        """Raise a ValueError where a detection is of an unknown category: it would not count, and nobody would know.

        Args:
            category_ids: (C,) int64 of the annotation file.
            name: of the file of the detections.
        """
        unknown = self.category_ids[~np.isin(self.category_ids, category_ids)]
        if len(unknown):
            ids = np.unique(unknown)
            shown = ', '.join(map(str, ids[:3].tolist())) + (', ...' if len(ids) > 3 else '')
            raise ValueError(
                f'{name} holds {len(unknown)} of {len(self)} detections of {len(ids)} categories that the annotation '
                f'file does not have ({shown}); give the annotation file whose category ids the model was tested with'
            )

    def with_box_areas(self) -> Detections:
        """Size masks by the boxes beside them, as lvis-api does with records that hold both.

        Raises:
            ValueError: there are no boxes.
        """
        if self.boxes is None:
            raise ValueError("detections without boxes; give detection_columns metrics=('bbox', 'segm')")
        return replace(self, areas=self.boxes[:, 2] * self.boxes[:, 3])


def detection_columns(records: Iterable[Mapping[str, Any]], metrics: Sequence[str] = ('bbox',)) -> Detections:
    """Read result records into columns.

    Args:
        records: with `image_id` and `category_id`, whole numbers (87470.0 too), and `score`; for 'bbox' also `bbox`
            (x, y, width, height in pixels), for 'segm' and 'boundary' also `segmentation`, an RLE. Other fields are
            left out. Of an iterator nothing is kept: masks go to an `RLEColumn`.
        metrics: what will be scored.

    Raises:
        ValueError: a record that lacks a field or holds something else in it, named by its index.

    Example:
        >>> found = detection_columns([dict(image_id=4, category_id=1, score=0.5, bbox=[0, 0, 2, 5])])
        >>> found.boxes.tolist()
        [[0.0, 0.0, 2.0, 5.0]]
    """
    rows = DetectionRows(result_keys(metrics), itemgetter, [] if isinstance(records, list) else RLEColumn())
    remaining, index = iter(records), 0
    while block := list(islice(remaining, _BLOCK)):
        if not rows.add(block):
            raise ValueError(first_fault(block, index, rows.keys) or 'the result records cannot be read')
        index += len(block)
    return Detections.from_rows(rows)


def result_keys(metrics: Sequence[str]) -> list[str]:
    """Return the fields of a result record that are read.

    Args:
        metrics: what will be scored.

    Example:
        >>> result_keys(['bbox'])
        ['image_id', 'category_id', 'score', 'bbox']
    """
    geometry = ['bbox'] * ('bbox' in metrics) + ['segmentation'] * needs_masks(metrics)
    return ['image_id', 'category_id', 'score', *geometry]
