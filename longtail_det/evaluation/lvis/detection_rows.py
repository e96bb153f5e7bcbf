"""Result records -> columns that grow by some records at a time, and what is wrong with a record."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.checks import is_finite

from .rle_column import RLEColumn, rles_fit


class DetectionRows:
    """The fields of result records, packed.

    Args:
        keys: the fields that are read: `image_id`, `category_id`, `score`, maybe `bbox` and `segmentation`.
        getter: of a field of a record: `itemgetter` or `attrgetter`.
        masks: takes the RLEs.
    """

    def __init__(
        self, keys: Sequence[str], getter: Callable[[str], Callable[[Any], Any]], masks: list[Any] | RLEColumn
    ) -> None:
        self.keys = keys
        self.masks = masks
        self._getter = getter
        self._packed = {key: bytearray() for key in ('image_id', 'category_id', 'score', 'bbox')}

    def add(self, block: Sequence[Any]) -> bool:
        """Read some records; False where something is wrong with one."""
        try:
            return self._add(block)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error):
            return False

    def column(self, key: str, dtype: type) -> NDArray[Any]:
        """Return all values of a field but the masks, one after the other."""
        return np.frombuffer(self._packed[key], dtype=dtype)

    def _add(self, block: Sequence[Any]) -> bool:
        fields = {key: list(map(self._getter(key), block)) for key in self.keys}
        packed = {key: _pack_ids(fields[key]) for key in ('image_id', 'category_id')}
        packed['score'] = struct.pack(f'{len(block)}d', *fields['score'])
        if 'bbox' in fields:
            if not set(map(len, fields['bbox'])) <= {4}:
                return False
            packed['bbox'] = struct.pack(f'{4 * len(block)}d', *chain.from_iterable(fields['bbox']))
        if not all(np.isfinite(np.frombuffer(packed[key])).all() for key in ('score', 'bbox') if key in packed):
            return False
        if 'bbox' in packed and not (np.frombuffer(packed['bbox']).reshape(-1, 4)[:, 2:] >= 0).all():
            return False
        if 'segmentation' in fields and not self._add_masks(fields['segmentation']):
            return False
        for key, values in packed.items():
            self._packed[key] += values
        return True

    def _add_masks(self, masks: list[Any]) -> bool:
        counts, sizes = (list(map(self._getter(key), masks)) for key in ('counts', 'size'))
        if not set(map(type, counts)) <= {str, bytes} or not set(map(len, sizes)) <= {2}:
            return False
        if not rles_fit(counts, sizes).all():
            return False
        if isinstance(self.masks, RLEColumn):
            self.masks.extend_columns(counts, sizes)
        else:
            self.masks.extend(masks)
        return True


def first_fault(records: Sequence[Any], first_index: int, keys: Sequence[str]) -> str:
    """Return what is wrong with the first malformed record; an empty text if all are valid.

    Args:
        records: as read from json.
        first_index: number of the first of them.
        keys: the fields that are read.
    """
    for index, record in enumerate(records, start=first_index):
        where = f'result record {index}'
        if not isinstance(record, Mapping):
            return f'{where} is a {type(record).__name__}; expected an object with the keys {list(keys)}'
        for key in keys:
            if key not in record:
                return f'{where} has no {key!r}; expected the keys {list(keys)}'
            if fault := _fault(key, record[key]):
                return f'{where}: {key} is {record[key]!r:.80}; expected {fault}'
    return ''


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


def _fault(key: str, value: Any) -> str:
    """Return the expected content of a field, or an empty text if it is valid."""
    if key in ('image_id', 'category_id'):
        fine = _is_number(value, (int, np.integer)) or _is_whole_float(value)
        return '' if fine and abs(value) < 2**63 else 'a whole number of at most 63 bits'
    if key == 'score':
        return '' if is_finite(value) else 'a finite number'
    if key == 'bbox':
        fine = isinstance(value, (list, tuple, np.ndarray)) and len(value) == 4
        fine = fine and all(map(is_finite, value))
        return '' if fine and min(value[2:]) >= 0 else 'four finite numbers x, y, width >= 0, height >= 0'
    if not is_rle(value):
        return 'an RLE with size [height, width] and compressed counts'
    if not all(0 < side < 2**31 for side in value['size']):
        return 'an RLE whose size [height, width] is above 0'
    return '' if rles_fit([value['counts']], [value['size']]).all() else 'an RLE whose counts add up to height x width'


def is_rle(mask: Any) -> bool:
    """Return whether `mask` is a compressed RLE."""
    if not isinstance(mask, Mapping) or not isinstance(mask.get('counts'), (str, bytes)):
        return False
    if isinstance(mask['counts'], str) and not mask['counts'].isascii():
        return False
    size = mask.get('size')
    if not isinstance(size, (list, tuple, np.ndarray)) or len(size) != 2:
        return False
    return all(_is_number(side, (int, np.integer)) for side in size)


def _is_number(value: Any, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)
