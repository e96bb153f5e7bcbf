from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations.masks import MaskKind, MaskWriter

points = st.integers(-5, 5) | st.floats(-1e4, 1e4)
polygons = st.lists(points, min_size=6, max_size=12).map(lambda numbers: numbers[: len(numbers) // 2 * 2])
rles = st.sampled_from([{'size': [3, 4], 'counts': 'ab\u00e9'}, {'size': [3, 4], 'counts': [10, 2]}])
segmentations = st.lists(polygons, min_size=1, max_size=3) | rles | st.none()


def read(writer):
    columns, sizes = writer.columns(), np.array(writer.rle_sizes).reshape(-1, 2)
    spans = np.array(writer.spans, dtype=np.int64).reshape(-1, 2)
    return [columns.segmentation(*mask) for mask in zip(writer.kinds, spans, sizes, strict=True)]


@given(st.lists(segmentations, max_size=6))
def test_masks_come_out_as_they_went_in(masks):
    writer = MaskWriter()
    assert [writer.add(mask) for mask in masks] == [''] * len(masks)
    assert read(writer) == masks


@given(st.lists(polygons | st.lists(points, max_size=5), min_size=1, max_size=4), st.booleans())
def test_valid_polygons_stay_and_others_are_reported(segmentation, is_typed):
    good = [polygon for polygon in segmentation if len(polygon) >= 6 and len(polygon) % 2 == 0]
    writer = MaskWriter()
    fault = writer.add(segmentation, is_typed=is_typed)
    assert bool(fault) == (good != segmentation)
    assert (read(writer)[0] or []) == good
    assert writer.kinds[0] == (MaskKind.POLYGONS if good else MaskKind.INVALID)


@pytest.mark.parametrize(
    'size', [None, [3], [3, 4, 5], [3, -4], [3, 0], [3.0, 4.0], 'ab', {'height': 3, 'width': 4}], ids=str
)
def test_an_rle_of_no_size_is_a_fault(size):
    writer = MaskWriter()
    assert writer.add({'size': size, 'counts': 'abc'}) == f'RLE size {size!r}, expected [height, width]'
    assert (read(writer), writer.kinds[0]) == ([None], MaskKind.INVALID)


@pytest.mark.parametrize('polygon', [[1, 2, 3, '4', 5, 6], [1.5, None, 1, 2, 3, 4], 'abcdef', [[1, 2], [3, 4]]])
def test_a_polygon_of_other_things_than_numbers_is_a_fault(polygon):
    writer = MaskWriter()
    assert writer.add([[0, 0, 1, 0, 1, 1], polygon]).startswith('polygon 1 is not a flat list of numbers')
    assert read(writer) == [[[0, 0, 1, 0, 1, 1]]]
