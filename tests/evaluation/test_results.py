from __future__ import annotations

import math

import pytest

from longtail_det.evaluation.lvis import AP_COLUMNS, ap_table, nest_results, percent


def test_the_table_has_a_row_per_metric_and_aligned_columns():
    table = ap_table({'bbox': dict.fromkeys(AP_COLUMNS, 0.219), 'segm': {'AP': 1.0, 'APr': -1, 'APc': math.nan}})
    header, bbox, segm = [[cell.strip() for cell in line.split('|')] for line in table.splitlines()]
    assert header == ['metric', *AP_COLUMNS]
    assert bbox == ['bbox'] + ['21.9'] * 9
    assert segm == ['segm', '100.0'] + ['-'] * 8
    bars = {tuple(i for i, char in enumerate(line) if char == '|') for line in table.splitlines()}
    assert len(bars) == 1


@pytest.mark.parametrize(('value', 'text'), [(0, '0.0'), (1, '100.0'), (0.12345, '12.3'), (-1.0, '-'), (math.nan, '-')])
def test_percent(value, text):
    assert percent(value) == text


def test_nesting_undoes_the_keys_of_the_metric():
    flat = {'lvis/bbox_AP': 0.1, 'segm_AR@300': 0.2, 'my/bbox_AP/a_class/with a slash': 0.3}
    assert nest_results({**flat, 'loss_bbox': 1.0, 'lvis/bbox_AP_copy': 'no number', 'step': 4}) == {
        'bbox': {'AP': 0.1, 'AP/a_class/with a slash': 0.3},
        'segm': {'AR@300': 0.2},
    }
