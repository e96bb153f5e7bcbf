from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.statistics import COMMON_MAX_IMAGES, FREQUENCY_GROUPS, RARE_MAX_IMAGES, frequency_group, group_indices

counts = st.lists(st.integers(0, 1000), max_size=20)


@given(counts)
def test_the_group_is_that_of_lvis(image_count):
    expected = ['r' if n <= 10 else 'c' if n <= 100 else 'f' for n in image_count]
    assert frequency_group(image_count).tolist() == expected


@pytest.mark.parametrize('edge', [RARE_MAX_IMAGES, COMMON_MAX_IMAGES])
def test_an_edge_belongs_to_the_lower_group(edge):
    below, at, above = frequency_group([edge - 1, edge, edge + 1])
    assert below == at != above


@given(counts)
def test_indices_are_those_of_the_groups(image_count):
    group = frequency_group(image_count)
    found = group_indices(image_count)
    assert list(found) == list(FREQUENCY_GROUPS)
    for key, indices in found.items():
        assert indices.tolist() == np.flatnonzero(group == key).tolist()
