"""Segmentations kept as bytes from the annotation file to the pipeline, and what makes one invalid."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MIN_POLYGON_NUMBERS = 6


class PackedMask:
    """A pickled segmentation that becomes the plain list or dict again when it is unpickled or deep-copied.

    A float in a list takes 32 bytes and one in a pickle 9. mmengine hands out an annotation by unpickling or
    deep-copying it, so a transform never meets this class.

    Args:
        data: the pickled segmentation.

    Example:
        >>> from copy import deepcopy
        >>> deepcopy({'mask': PackedMask(pickle.dumps([[0, 0, 4, 0, 4, 4]]))})
        {'mask': [[0, 0, 4, 0, 4, 4]]}
    """

    __slots__ = ('data',)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return pickle.loads, (self.data,)


class MaskRecord(NamedTuple):
    """A segmentation as read from an annotation.

    Args:
        data: pickled; None where there is none, or nothing valid in it.
        rle_size: height and width of an RLE, zeros for polygons.
        fault: what is wrong, empty where all is well. Valid polygons beside an invalid one are still in `data`.
    """

    data: bytes | None
    rle_size: tuple[int, int] = (0, 0)
    fault: str = ''


def pack_mask(segmentation: Any) -> MaskRecord:
    """Check and pickle the `segmentation` of an annotation.

    Args:
        segmentation: a list of polygons `[x1, y1, x2, y2, ...]`, or an RLE `{'size': [height, width], 'counts':
            compressed text or run lengths}`; None or empty where the annotation has no mask.

    Example:
        >>> pack_mask([[0, 0, 4, 4]]).fault
        'polygon 0 has 4 numbers, expected x, y of at least 3 points'
    """
    if not segmentation:
        return MaskRecord(None)
    if isinstance(segmentation, Mapping):
        fault = _rle_fault(segmentation)
        if fault:
            return MaskRecord(None, fault=fault)
        height, width = segmentation['size']
        return MaskRecord(_dump(segmentation), (height, width))
    if not isinstance(segmentation, list):
        return MaskRecord(None, fault=f'segmentation is a {type(segmentation).__name__}, expected polygons or an RLE')
    if all(map(_is_polygon, segmentation)):
        return MaskRecord(_dump(segmentation))
    good = [polygon for polygon in segmentation if _is_polygon(polygon)]
    return MaskRecord(_dump(good) if good else None, fault=_polygon_fault(segmentation))


def _dump(segmentation: Any) -> bytes:
    return pickle.dumps(segmentation, protocol=pickle.HIGHEST_PROTOCOL)


def _is_polygon(polygon: Any) -> bool:
    return (
        isinstance(polygon, list)
        and len(polygon) >= MIN_POLYGON_NUMBERS
        and len(polygon) % 2 == 0
        and isinstance(polygon[0], (int, float))
    )


def _polygon_fault(polygons: list[Any]) -> str:
    index = next(i for i, polygon in enumerate(polygons) if not _is_polygon(polygon))
    polygon = polygons[index]
    if not isinstance(polygon, list) or (polygon and not isinstance(polygon[0], (int, float))):
        return f'polygon {index} is not a flat list of numbers x1, y1, x2, y2, ...'
    if len(polygon) < MIN_POLYGON_NUMBERS:
        return f'polygon {index} has {len(polygon)} numbers, expected x, y of at least 3 points'
    return f'polygon {index} has {len(polygon)} numbers, expected an even count (x, y of each point)'


def _rle_fault(rle: Mapping[str, Any]) -> str:
    size, counts = rle.get('size'), rle.get('counts')
    if not (isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)):
        return f'RLE size {size!r}, expected [height, width]'
    if isinstance(counts, list):
        if not all(type(count) is int for count in counts):
            return 'RLE counts are not all whole numbers'
        if sum(counts) != size[0] * size[1]:
            return f'RLE counts add up to {sum(counts)}, expected height x width = {size[0] * size[1]}'
    elif not (isinstance(counts, str) and counts):
        return f'RLE counts are a {type(counts).__name__}, expected compressed text or a list of run lengths'
    return ''
