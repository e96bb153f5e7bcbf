from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations import find_rows

ids = st.lists(st.integers(-(2**62), 2**62) | st.integers(-3, 3), max_size=8)


@given(ids, ids)
def test_rows_are_those_of_a_search_from_the_start(keys, rows):
    found = find_rows(np.array(keys, dtype=np.int64), np.array(rows, dtype=np.int64))
    assert found.tolist() == [rows.index(key) if key in rows else -1 for key in keys]
