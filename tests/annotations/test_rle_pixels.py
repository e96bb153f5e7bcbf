from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from longtail_det.annotations.rle_pixels import MAX_PIXELS, rle_pixels

run_lists = st.lists(st.integers(0, 40) | st.integers(0, 2**24), min_size=1, max_size=9)


def compress(runs):
    return coco_mask.frPyObjects({'size': [1, sum(runs)], 'counts': runs}, 1, sum(runs))['counts']


def pixels(masks):
    bounds = np.cumsum([0, *map(len, masks)])
    return rle_pixels(np.frombuffer(b''.join(masks), dtype=np.uint8), bounds).tolist()


@given(st.lists(run_lists, max_size=7))
def test_the_sum_is_that_of_the_runs(masks):
    assert pixels([compress(runs) for runs in masks]) == [sum(runs) for runs in masks]


@given(
    st.lists(
        run_lists | st.sampled_from([b'', b'garb age', b'P', b'0P', b'\xff\xfe', b'O', b'11O', b'PPPPPPP0']), max_size=7
    )
)
def test_garbage_is_found_and_leaves_the_others_as_they_are(masks):
    text = [mask if isinstance(mask, bytes) else compress(mask) for mask in masks]
    assert pixels(text) == [-1 if isinstance(mask, bytes) else sum(mask) for mask in masks]


@pytest.mark.parametrize('runs', [[MAX_PIXELS - 1], [0, MAX_PIXELS - 1], [5, MAX_PIXELS - 6, 1]])
def test_the_largest_image_is_read(runs):
    assert pixels([compress(runs)]) == [sum(runs)]


@given(st.binary(min_size=1, max_size=12))
def test_what_is_taken_decodes_to_as_many_pixels(text):
    (found,) = pixels([text])
    if 0 < found < 10_000:
        assert coco_mask.decode({'size': [1, found], 'counts': text}).size == found
