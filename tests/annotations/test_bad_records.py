from __future__ import annotations

import numpy as np
import pytest

from longtail_det.annotations import BadRecords
from longtail_det.annotations.bad_records import NUM_EXAMPLES


def test_of_many_bad_rows_only_the_first_are_put_into_words():
    described = []
    bad = BadRecords('train.json')
    good = bad.add_rows('rows', np.arange(100_000) % 2 == 1, lambda row: described.append(row) or f'row {row}')
    assert good.tolist() == [True, False] * 50_000
    assert described == [1, 3, 5, 7, 9][:NUM_EXAMPLES]
    with pytest.raises(ValueError, match=r'train\.json: 50000 bad records: row 1; .*; and 49995 more'):
        bad.settle('error')


def test_rows_and_single_records_of_a_kind_add_up():
    bad = BadRecords('train.json')
    for number in range(3):
        bad.add('things', f'thing {number}')
    bad.add_rows('things', np.ones(4, dtype=bool), lambda row: f'row {row}')
    assert bad.counts == {'things': 7}
    assert bad.examples == {'things': ['thing 0', 'thing 1', 'thing 2', 'row 0', 'row 1']}


def test_nothing_bad_is_no_error():
    bad = BadRecords('train.json')
    assert bad.add_rows('rows', np.zeros(3, dtype=bool), str).all()
    bad.settle('error')
    assert not bad.counts
