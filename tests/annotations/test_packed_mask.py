from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations import PackedMask
from longtail_det.annotations.packed_mask import pack_mask

points = st.integers(-5, 5) | st.floats(-1e4, 1e4)
polygons = st.lists(points, min_size=6, max_size=12).map(lambda numbers: numbers[: len(numbers) // 2 * 2])


@given(st.lists(polygons, min_size=1, max_size=3), st.sampled_from([2, 3, 4, 5]))
def test_a_packed_mask_comes_out_as_it_went_in(segmentation, protocol):
    mask = {'mask': PackedMask(pack_mask(segmentation).data)}
    for out in (pickle.loads(pickle.dumps(mask, protocol)), copy.deepcopy(mask)):
        assert out == {'mask': segmentation}
        assert [type(x) for x in out['mask'][0]] == [type(x) for x in segmentation[0]]


@given(st.lists(polygons | st.lists(points, max_size=5), min_size=1, max_size=4))
def test_valid_polygons_stay_and_others_are_reported(segmentation):
    good = [polygon for polygon in segmentation if len(polygon) >= 6 and len(polygon) % 2 == 0]
    packed = pack_mask(segmentation)
    assert bool(packed.fault) == (good != segmentation)
    assert (pickle.loads(packed.data) if packed.data else []) == good


@pytest.mark.parametrize('counts', ['abc', [10, 2]])
def test_rle_keeps_its_size(counts):
    rle = {'size': [3, 4], 'counts': counts}
    packed = pack_mask(rle)
    assert (pickle.loads(packed.data), packed.rle_size, packed.fault) == (rle, (3, 4), '')


@pytest.mark.parametrize(
    'size', [None, [3], [3, 4, 5], [3, -4], [3, 0], [3.0, 4.0], 'ab', {'height': 3, 'width': 4}], ids=str
)
def test_an_rle_of_no_size_is_a_fault(size):
    packed = pack_mask({'size': size, 'counts': 'abc'})
    assert packed.data is None
    assert packed.fault == f'RLE size {size!r}, expected [height, width]'
