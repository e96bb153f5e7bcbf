from __future__ import annotations

import numpy as np
import pycocotools.mask as mask_utils
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.evaluation.lvis.rle_column import RLEColumn

MASKS = st.lists(
    st.fixed_dictionaries(
        {'size': st.tuples(st.integers(1, 5000), st.integers(1, 5000)).map(list), 'counts': st.binary(max_size=9)}
    ),
    max_size=8,
)


@given(first=MASKS, second=MASKS)
def test_it_is_the_list_of_its_masks(first, second):
    column = RLEColumn(first)
    column.extend(second)
    expected = first + second
    assert list(column) == expected
    assert len(column) == len(expected)
    assert column[1:-1] == expected[1:-1]
    some = np.arange(len(expected))[::-2]
    assert column.pick(some) == [expected[row] for row in some]
    if expected:
        assert column[-1] == expected[-1]
    with pytest.raises(IndexError):
        column[len(expected)]


def test_masks_are_the_same_for_pycocotools_whether_counts_are_text_or_bytes():
    mask = np.asfortranarray(np.random.default_rng(0).random((9, 7)) < 0.5).astype(np.uint8)
    rle = mask_utils.encode(np.asfortranarray(mask))
    column = RLEColumn([rle, {**rle, 'counts': rle['counts'].decode()}])
    assert column[0] == column[1]
    np.testing.assert_array_equal(mask_utils.decode(column[1]), mask)
