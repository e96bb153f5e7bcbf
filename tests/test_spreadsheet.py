from __future__ import annotations

import pytest

from longtail_det.spreadsheet import csv_cells


@pytest.mark.parametrize('start', ['=', '+', '-', '@', '\t', '\r'])
def test_a_formula_becomes_text(start):
    assert csv_cells([f'{start}1+1']) == [f"'{start}1+1"]


def test_numbers_and_names_stay():
    cells = [-1, -0.5, 'cup', 'T-shirt', '1+1', '', None]
    assert csv_cells(cells) == cells
