from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations import find_rows, find_sorted

ids = st.lists(st.integers(-(2**62), 2**62) | st.integers(-3, 3), max_size=8)


@given(ids, ids)
def test_rows_are_those_of_a_search_from_the_start(keys, rows):
    found = find_rows(np.array(keys, dtype=np.int64), np.array(rows, dtype=np.int64))
    assert found.tolist() == [rows.index(key) if key in rows else -1 for key in keys]


@given(
    seed=st.integers(0, 10**6),
    num_keys=st.integers(0, 30),
    size=st.integers(0, 30),
    span=st.sampled_from([1, 20, 10**6, 10**15]),
)
def test_keys_are_found_at_the_first_of_equal_values_close_together_or_not(seed, num_keys, size, span):
    rng = np.random.default_rng(seed)
    table = np.sort(rng.integers(-span, span, size))
    others = rng.integers(-span, span, num_keys)
    keys = np.where(rng.random(num_keys) < 0.5, rng.choice(table, num_keys), others) if size else others
    positions, found = find_sorted(keys, table)
    values = table.tolist()
    assert found.tolist() == [key in values for key in keys.tolist()]
    assert positions[found].tolist() == [values.index(key) for key in keys[found].tolist()]
