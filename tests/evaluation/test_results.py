from __future__ import annotations

import math

import pytest

from longtail_det.evaluation import AP_COLUMNS, ap_table, percent
from longtail_det.evaluation.lvis import METRICS, MODES
from longtail_det.evaluation.results import flatten_results, name_results, nest_results


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


@pytest.mark.parametrize('prefix', ['', 'lvis/', 'mine/'])
def test_a_log_gives_back_what_went_into_it(prefix):
    keys = ('AP', 'AP50', 'APr', 'AR@300', 'AR', 'AP/class_AP', 'AP/two\nlines/and a slash')
    scores = {(metric, mode): dict.fromkeys(keys, 0.5) for metric in METRICS for mode in MODES}
    named = name_results(scores)
    assert list(named) == [f'{a}{b}' for a in ('bbox', 'segm', 'boundary') for b in ('', '_fixed', '_pool')]
    logged = {f'{prefix}{key}': value for key, value in flatten_results(named).items()}
    assert len(logged) == len(scores) * len(keys)
    assert nest_results(logged) == named
