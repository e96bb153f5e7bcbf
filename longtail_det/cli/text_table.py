"""Rows of text in aligned columns."""

from __future__ import annotations

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text in aligned columns, the first to the left and the others to the right.

    Args:
        header: first row.
        rows: the others.

    Example:
        >>> print(text_table(['a', 'b'], [['one', '2']]))
        a   | b
        one | 2
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return '\n'.join(
        ' | '.join([row[0].ljust(widths[0]), *(text.rjust(w) for text, w in zip(row[1:], widths[1:], strict=True))])
        for row in (header, *rows)
    )
