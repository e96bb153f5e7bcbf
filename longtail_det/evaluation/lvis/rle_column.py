"""Compressed masks, many in one string."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload


class RLEColumn(Sequence[dict[str, Any]]):
    """Compressed RLEs that take a quarter of the memory of as many dicts.

    Args:
        masks: RLEs with `size` (height, width) and compressed `counts`, str or bytes. They come back with the counts
            in bytes.

    Example:
        >>> column = RLEColumn([{'size': [2, 3], 'counts': '132'}])
        >>> column.extend([{'size': [2, 3], 'counts': b'6'}])
        >>> column[1], len(column)
        ({'size': [2, 3], 'counts': b'6'}, 2)
    """

    def __init__(self, masks: Iterable[Mapping[str, Any]] = ()) -> None:
        self._counts = bytearray()
        self._ends = array('q', [0])
        self._sizes = array('l')
        self.extend(masks)

    def extend(self, masks: Iterable[Mapping[str, Any]]) -> None:
        """Add masks at the end.

        Args:
            masks: as above.
        """
        for mask in masks:
            counts, (height, width) = mask['counts'], mask['size']
            self._counts += counts.encode() if isinstance(counts, str) else counts
            self._ends.append(len(self._counts))
            self._sizes.append(height)
            self._sizes.append(width)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, row: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, row: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, row: int | slice) -> Any:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        counts = bytes(self._counts[self._ends[row] : self._ends[row + 1]])
        return {'size': self._sizes[2 * row : 2 * row + 2].tolist(), 'counts': counts}
