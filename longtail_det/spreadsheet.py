"""Text in the cells of a CSV file."""

from __future__ import annotations

from collections.abc import Iterable


def csv_cells(cells: Iterable[object]) -> list[object]:
    """Return cells of a CSV row in which no spreadsheet finds a formula.

    Args:
        cells: numbers stay as they are; an apostrophe is put before a text that starts with one of = + - @, a tab or a
            carriage return, as OWASP's page on CSV injection advises.

    Example:
        >>> csv_cells([-1.5, 'cup', '=1+1', '-'])
        [-1.5, 'cup', "'=1+1", "'-"]
    """
    return [
        f"'{cell}" if isinstance(cell, str) and cell.startswith(('=', '+', '-', '@', '\t', '\r')) else cell
        for cell in cells
    ]
