from __future__ import annotations

import numpy as np

from longtail_det.evaluation.diagnosis import interval_results, interval_table, interval_text, result_interval
from longtail_det.evaluation.results import flatten_results, nest_results
from longtail_det.statistics import Interval

NONE = Interval(np.nan, np.nan, np.nan)


def test_intervals_survive_the_way_through_a_log():
    interval = Interval(0.5, 0.25, 0.75)
    results = {'segm': {'AP': 0.5, 'APr': -1.0, **interval_results({'AP': interval, 'APr': NONE})}}
    assert results['segm'] == {
        'AP': 0.5, 'APr': -1.0, 'AP_low': 0.25, 'AP_high': 0.75, 'APr_low': -1.0, 'APr_high': -1.0
    }  # fmt: skip
    assert nest_results(flatten_results(results)) == results
    assert result_interval(results['segm'], 'AP') == interval
    assert result_interval(results['segm'], 'APr') is None
    assert result_interval({'AP': 0.5}, 'AP') is None
    assert interval_table(results) == 'segm AP   50.0 [25.0, 75.0]'
    assert interval_table({'bbox': {'AP': 0.5}}) == ''


def test_what_is_undefined_is_a_dash():
    assert interval_text(NONE) == '-'
