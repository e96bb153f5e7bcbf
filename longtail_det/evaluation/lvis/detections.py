"""Records of a standard results file -> columns, each record checked."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    rows = _Rows('bbox' in metrics, needs_masks(metrics), isinstance(records, list))
    remaining, index = iter(records), 0
    while block := list(islice(remaining, _BLOCK)):
        if not rows.add(block):
            raise ValueError(_first_fault(block, index, rows.keys))
        index += len(block)
    return rows.columns()


class _Rows:
    """Columns that grow by some records at a time."""

    def __init__(self, wants_boxes: bool, wants_masks: bool, in_memory: bool) -> None:
        self.keys = ['image_id', 'category_id', 'score', *['bbox'] * wants_boxes, *['segmentation'] * wants_masks]
        self._rows = {key: bytearray() for key in ('image_id', 'category_id', 'score', 'bbox')}
        self._masks: list[Any] | RLEColumn = [] if in_memory else RLEColumn()

    def add(self, block: list[Any]) -> bool:
        """Read some records; False where something is wrong with one."""
        try:
            return self._add(block)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error):
            return False

    def _add(self, block: list[Any]) -> bool:
        for key in ('image_id', 'category_id'):
            self._rows[key] += _pack_ids(list(map(itemgetter(key), block)))
        numbers = [struct.pack(f'{len(block)}d', *map(itemgetter('score'), block))]
        if 'bbox' in self.keys:
            sides = list(map(itemgetter('bbox'), block))
            if set(map(len, sides)) != {4}:
                return False
            numbers.append(struct.pack(f'{4 * len(block)}d', *chain.from_iterable(sides)))
        for key, values in zip(('score', 'bbox'), numbers, strict=False):
            if not np.isfinite(np.frombuffer(values)).all():
                return False
            self._rows[key] += values
        if 'segmentation' in self.keys:
            masks = list(map(itemgetter('segmentation'), block))
            if not _are_rles(masks):
                return False
            self._masks.extend(masks)
        return True

    def columns(self) -> Detections:
        return Detections(
            image_ids=np.frombuffer(self._rows['image_id'], dtype=np.int64),
            category_ids=np.frombuffer(self._rows['category_id'], dtype=np.int64),
            scores=np.frombuffer(self._rows['score']),
            boxes=np.frombuffer(self._rows['bbox']).reshape(-1, 4) if 'bbox' in self.keys else None,
            masks=self._masks if 'segmentation' in self.keys else None,
        )


def _pack_ids(ids: list[Any]) -> bytes:
    # struct refuses what has the wrong type, where numpy would make a string or an object of it
    packed = struct.Struct(f'{len(ids)}q')
    try:
        return packed.pack(*ids)
    except struct.error:
        # files that went through pandas or MATLAB have whole floats
        return packed.pack(*(int(value) if _is_whole_float(value) else value for value in ids))


def _is_whole_float(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and value.is_integer()


def _are_rles(masks: Sequence[Any]) -> bool:
    return {type(mask['counts']) for mask in masks} <= {str, bytes} and {len(mask['size']) for mask in masks} == {2}


def _is_rle(mask: Any) -> bool:
    return isinstance(mask, Mapping) and isinstance(mask.get('counts'), (str, bytes)) and len(mask.get('size', ())) == 2


def _first_fault(records: Sequence[Any], first_index: int, keys: Sequence[str]) -> str:
    for index, record in enumerate(records, start=first_index):
        where = f'result record {index}'
        if not isinstance(record, Mapping):
            return f'{where} is a {type(record).__name__}; expected an object with the keys {keys}'
        for key in keys:
            if key not in record:
                return f'{where} has no {key!r}; expected the keys {keys}'
            if fault := _fault(key, record[key]):
                return f'{where}: {key} is {record[key]!r:.80}; expected {fault}'
    return 'the result records cannot be read'


def _fault(key: str, value: Any) -> str:
    """Return the expected content of a field, or an empty text if it is valid."""
    if key in ('image_id', 'category_id'):
        fine = _is_number(value, (int, np.integer)) or _is_whole_float(value)
        return '' if fine and abs(value) < 2**63 else 'a whole number of at most 63 bits'
    if key == 'score':
        return '' if _is_number(value, (int, float, np.number)) and np.isfinite(value) else 'a finite number'
    if key == 'bbox':
        fine = isinstance(value, (list, tuple, np.ndarray)) and len(value) == 4
        fine = fine and all(_is_number(side, (int, float, np.number)) and np.isfinite(side) for side in value)
        return '' if fine else 'four finite numbers x, y, width, height'
    return '' if _is_rle(value) else 'an RLE with size [height, width] and compressed counts'


def _is_number(value: Any, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)
