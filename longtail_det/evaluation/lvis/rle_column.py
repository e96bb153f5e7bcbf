"""Compressed masks, many in one string."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
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
        given = list(masks)
        self.extend_columns([mask['counts'] for mask in given], [mask['size'] for mask in given])

    def extend_columns(self, counts: Sequence[str | bytes], sizes: Sequence[Sequence[int]]) -> None:
        """Add masks at the end, field by field.

        Args:
            counts: compressed, str or bytes.
            sizes: height and width of each.

        Raises:
            TypeError: a height or width that is no whole number; nothing is added.
        """
        sides = array('l', chain.from_iterable(sizes))
        texts = [text.encode() if isinstance(text, str) else text for text in counts]
        self._counts += b''.join(texts)
        ends = accumulate(map(len, texts), initial=self._ends.pop())
        self._ends.extend(ends)
        self._sizes.extend(sides)

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
