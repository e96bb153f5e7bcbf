from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.statistics import unique_pairs


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
def test_they_are_the_sorted_set(pairs):
    images, labels = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    found = unique_pairs(images, labels)
    assert [*zip(*(part.tolist() for part in found), strict=True)] == sorted(set(pairs))
