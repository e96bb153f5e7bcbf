"""The records of an annotation file as columns, so that checks and selections are array operations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .masks import MaskKind

_T = TypeVar('_T', bound='_Table')

MIN_BOX_SIDE = 1.0
#: values between the lowest and the highest key, for each key, up to which a row of all values is worth its making
_DENSE = 8


class _Table:
    def select(self: _T, rows: NDArray[np.bool_] | NDArray[np.intp]) -> _T:
        """Select these rows of every column: a (rows,) bool mask or row numbers. All of them are the table itself."""
        if rows.dtype == bool and rows.all():
            return self  # whose columns may be mapped from a file: nothing is copied
        columns = {field.name: getattr(self, field.name)[rows] for field in fields(self)}  # type: ignore[arg-type]
        return type(self)(**columns)

    def __len__(self) -> int:
        return len(self.ids)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class ImageTable(_Table):
    """Images of an annotation file, in file order.

    Args:
        ids: (I,) int64 image ids.
        sizes: (I, 2) int64 height and width, pixels.
        names: (I,) str file names below the image folder, empty where the record has none.
        listed: (I,) bool, the image has `neg_category_ids`.
        rows: (I,) int64 row of each image in the columns of the file.
    """

    ids: NDArray[np.int64]
    sizes: NDArray[np.int64]
    names: NDArray[np.str_]
    listed: NDArray[np.bool_]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class ClassLists:
    """What the images of an LVIS file say of classes.

    Args:
        negatives: (n, 2) int64 image id and category id: the class is not on the image.
        not_exhaustive: (m, 2) int64 likewise: not every object of the class is annotated.
    """

    negatives: NDArray[np.int64]
    not_exhaustive: NDArray[np.int64]


@dataclass(frozen=True)
class AnnotationTable(_Table):
    """Annotations of an annotation file, in file order or image after image.

    Args:
        ids: (A,) int64 annotation ids.
        image_ids: (A,) int64.
        category_ids: (A,) int64.
        crowd: (A,) bool, `iscrowd`.
        ignore: (A,) bool, `ignore`.
        says_ignore: (A,) bool, the record has the key `ignore`, whatever its value.
        rle_sizes: (A, 2) int64 height and width of RLE masks, zeros where the mask is none.
        boxes: (A, 4) float64 x, y, width, height, pixels.
        areas: (A,) float64, square pixels.
        says_mask: (A,) bool, the record has the key `segmentation`; False where masks were not read.
        mask_kinds: (A,) uint8, a `MaskKind` each; 0 where masks were not read.
        mask_spans: (A, 2) int64, where in the `MaskColumns` the mask is.
        rows: (A,) int64 row of each annotation in the columns of the file.
    """

    ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    ignore: NDArray[np.bool_]
    says_ignore: NDArray[np.bool_]
    rle_sizes: NDArray[np.int64]
    boxes: NDArray[np.float64]
    areas: NDArray[np.float64]
    says_mask: NDArray[np.bool_]
    mask_kinds: NDArray[np.uint8]
    mask_spans: NDArray[np.int64]
    rows: NDArray[np.int64]

    @property
    def tiny(self) -> NDArray[np.bool_]:
        """(A,) bool, no area or a side below one pixel: real files hold some, and mmdet trains on none of them."""
        return (self.areas <= 0) | (self.boxes[:, 2:] < MIN_BOX_SIDE).any(axis=1)

    @property
    def has_rle(self) -> NDArray[np.bool_]:
        """(A,) bool, the mask is run-length encoded."""
        return (self.mask_kinds == MaskKind.RLE_TEXT) | (self.mask_kinds == MaskKind.RLE_COUNTS)

    @property
    def has_mask(self) -> NDArray[np.bool_]:
        """(A,) bool, there is a mask."""
        return (self.mask_kinds != MaskKind.NONE) & (self.mask_kinds != MaskKind.INVALID)


def find_rows(keys: NDArray[np.int64], ids: NDArray[np.int64]) -> NDArray[np.intp]:
    """Look up the row of each key among ids.

    Args:
        keys: (K,) int64 ids to look up.
        ids: (I,) int64 ids of the rows, in any order.

    Returns:
        (K,) row numbers, the first row of a repeated id; -1 where the key is not among the ids.

    Example:
        >>> find_rows(np.array([7, 8, 5]), np.array([5, 7])).tolist()
        [1, -1, 0]
    """
    order = np.argsort(ids, kind='stable')
    positions, known = find_sorted(keys, ids[order])
    rows = np.full(len(keys), -1, dtype=np.intp)
    rows[known] = order[positions[known]]
    return rows


def find_sorted(keys: NDArray[Any], table: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Look keys up in an ascending table.

    Args:
        keys: (n,) values to look up.
        table: (m,) ascending; a repeated value is found at its first place.

    Returns:
        (n,) positions, meaningless where a key is not there, and (n,) bool whether it is.

    Example:
        >>> positions, found = find_sorted(np.array([7, 8]), np.array([5, 7, 9]))
        >>> positions[found].tolist(), found.tolist()
        ([1], [True, False])
    """
    if not (len(table) and len(keys)):
        return np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=bool)
    low, high = int(keys.min()), int(keys.max())
    if keys.dtype.kind in 'iu' and high - low < _DENSE * len(keys):
        # many keys close together: look each up in a row of all values between
        first, end = np.searchsorted(table, [low, high + 1])
        places = np.full(high - low + 1, -1, dtype=np.int64)
        places[table[first:end][::-1] - low] = np.arange(first, end)[::-1]  # of equal values the first is written last
        positions = places[keys - low]
        return positions, positions >= 0
    positions = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return positions, table[positions] == keys
