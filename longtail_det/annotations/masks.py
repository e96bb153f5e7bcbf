"""The masks of a file in flat columns, what makes one invalid, and the `segmentation` of one annotation again."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from .record_faults import is_integer, is_number

MIN_POLYGON_NUMBERS = 6


class MaskKind(IntEnum):
    """How the mask of an annotation is given."""

    NONE = 0
    POLYGONS = 1
    RLE_TEXT = 2
    RLE_COUNTS = 3
    INVALID = 4
    """There is a `segmentation`, but no polygon or RLE of it can be used."""


@dataclass(frozen=True, eq=False)
class MaskColumns:
    """Polygons and run lengths of all annotations, in file order.

    The `mask_kinds` and `mask_spans` of an `AnnotationTable` say which of them make the mask of an annotation.

    Args:
        polygon_offsets: (P + 1,) int64, where in `coordinates` each polygon starts, and the end of the last.
        coordinates: (N,) float64 x1, y1, x2, y2, ... of one polygon after the other, pixels.
        rle_text: (T,) uint8, the `counts` of compressed RLEs, one after the other, UTF-8.
        run_lengths: (R,) int64, the `counts` of uncompressed RLEs, one after the other, pixels.
    """

    polygon_offsets: NDArray[np.int64]
    coordinates: NDArray[np.float64]
    rle_text: NDArray[np.uint8]
    run_lengths: NDArray[np.int64]

    def segmentation(self, kind: int, span: NDArray[np.int64], rle_size: NDArray[np.int64]) -> Any:
        """Return a mask as the annotation file has it: a list of polygons or an RLE.

        Args:
            kind: a `MaskKind`.
            span: (2,) first and last + 1 of its polygons, bytes of text or run lengths.
            rle_size: (2,) height and width of an RLE, pixels.

        Returns:
            Lists of floats; or `{'size': [height, width], 'counts': text or list of int}`; None where there is none.
        """
        start, stop = span.tolist()
        if kind == MaskKind.POLYGONS:
            bounds = self.polygon_offsets[start : stop + 1].tolist()
            return [self.coordinates[first:last].tolist() for first, last in pairwise(bounds)]
        if kind == MaskKind.RLE_TEXT:
            return {'size': rle_size.tolist(), 'counts': self.rle_text[start:stop].tobytes().decode()}
        if kind == MaskKind.RLE_COUNTS:
            return {'size': rle_size.tolist(), 'counts': self.run_lengths[start:stop].tolist()}
        return None


class MaskWriter:
    """Collect the masks of annotations, one by one, into columns.

    Attributes:
        kinds: a `MaskKind` each.
        spans: two numbers each, see `MaskColumns.segmentation`.
        rle_sizes: two numbers each, zeros where the mask is no RLE.
    """

    def __init__(self) -> None:
        self.kinds = bytearray()
        self.spans = array('q')
        self.rle_sizes = array('q')
        self._polygon_offsets = array('q', [0])
        self._coordinates = array('d')
        self._rle_text = bytearray()
        self._run_lengths = array('q')

    def add(self, segmentation: Any, *, is_typed: bool = False) -> str:
        """Check and keep the mask of the next annotation. Of a mask with one invalid polygon the others stay.

        Args:
            segmentation: a list of polygons `[x1, y1, x2, y2, ...]`, or an RLE `{'size': [height, width], 'counts':
                compressed text or run lengths}`; None, [] or {} where the annotation has no mask.
            is_typed: a list is known to be one of lists of numbers.

        Returns:
            What is wrong with it; empty where all is well.

        Example:
            >>> MaskWriter().add([[0, 0, 4, 4]])
            'polygon 0 has 4 numbers, expected x, y of at least 3 points'
        """
        if segmentation is None or segmentation is UNSET or segmentation in ([], {}):
            self._note(MaskKind.NONE, 0, 0)
            return ''
        if not isinstance(segmentation, list):
            fault = _rle_fault(segmentation)
            if not fault:
                self._add_rle(segmentation)
                return ''
            self._note(MaskKind.INVALID, 0, 0)
            return fault
        if is_typed and all(len(polygon) >= MIN_POLYGON_NUMBERS and not len(polygon) % 2 for polygon in segmentation):
            self._add_polygons(segmentation)
            return ''
        faults = [_polygon_fault(polygon, is_typed) for polygon in segmentation]
        self._add_polygons([polygon for polygon, fault in zip(segmentation, faults, strict=True) if not fault])
        return next((f'polygon {number} {fault}' for number, fault in enumerate(faults) if fault), '')

    def columns(self) -> MaskColumns:
        """Return what was kept; nothing can be added after that."""
        return MaskColumns(
            np.frombuffer(self._polygon_offsets, dtype=np.int64),
            np.frombuffer(self._coordinates, dtype=np.float64),
            np.frombuffer(self._rle_text, dtype=np.uint8),
            np.frombuffer(self._run_lengths, dtype=np.int64),
        )

    def _add_polygons(self, polygons: list[list[float]]) -> None:
        coordinates, offsets = self._coordinates, self._polygon_offsets
        start = len(offsets) - 1
        for polygon in polygons:
            coordinates.fromlist(polygon)
            offsets.append(len(coordinates))
        self._note(MaskKind.POLYGONS if polygons else MaskKind.INVALID, start, len(offsets) - 1)

    def _add_rle(self, rle: Mapping[str, Any]) -> None:
        counts = rle['counts']
        if isinstance(counts, (str, bytes)):
            start = len(self._rle_text)
            self._rle_text += counts.encode() if isinstance(counts, str) else counts
            self._note(MaskKind.RLE_TEXT, start, len(self._rle_text), *rle['size'])
        else:
            start = len(self._run_lengths)
            self._run_lengths.fromlist(counts)
            self._note(MaskKind.RLE_COUNTS, start, len(self._run_lengths), *rle['size'])

    def _note(self, kind: int, start: int, stop: int, height: int = 0, width: int = 0) -> None:
        self.kinds.append(kind)
        self.spans.extend((start, stop))
        self.rle_sizes.extend((height, width))


def _polygon_fault(polygon: Any, is_typed: bool) -> str:
    if not is_typed and not (isinstance(polygon, list) and all(map(is_number, polygon))):
        return 'is not a flat list of numbers x1, y1, x2, y2, ...'
    count = len(polygon)
    if count < MIN_POLYGON_NUMBERS:
        return f'has {count} numbers, expected x, y of at least 3 points'
    return f'has {count} numbers, expected an even count (x, y of each point)' if count % 2 else ''


def _rle_fault(rle: Any) -> str:
    if not isinstance(rle, Mapping):
        return f'segmentation is a {type(rle).__name__}, expected polygons or an RLE'
    size, counts = rle.get('size'), rle.get('counts')
    if not (isinstance(size, list) and len(size) == 2 and all(is_integer(side) and side > 0 for side in size)):
        return f'RLE size {size!r:.80}, expected [height, width]'
    if isinstance(counts, list):
        if not all(type(count) is int and count >= 0 for count in counts):
            return 'RLE counts are not all whole numbers of at least 0'
        if sum(counts) != size[0] * size[1]:
            return f'RLE counts add up to {sum(counts)}, expected height x width = {size[0] * size[1]}'
    elif not (isinstance(counts, (str, bytes)) and counts):
        return f'RLE counts are a {type(counts).__name__}, expected compressed text or a list of run lengths'
    return ''
