from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.lvis.flags import (
    ALL_FLAGS,
    FLAG_BYTES,
    area_flags,
    flag,
    overlap_flags,
    pack_flags,
    packed_flag,
)
from longtail_det.evaluation.lvis.parameters import AREA_RANGES, IOU_THRESHOLDS

AREAS, THRESHOLDS = range(len(AREA_RANGES)), range(len(IOU_THRESHOLDS))


def test_each_area_range_and_threshold_has_a_bit_of_its_own():
    bits = [flag(area, threshold) for area in AREAS for threshold in THRESHOLDS]
    assert len(set(bits)) == len(bits)
    assert sum(bits) == ALL_FLAGS == np.bitwise_or.reduce(bits)


@pytest.mark.parametrize('area', AREAS)
@pytest.mark.parametrize('threshold', THRESHOLDS)
def test_a_packed_flag_is_the_one_that_was_set(area, threshold):
    packed = pack_flags(np.array([flag(area, threshold), ALL_FLAGS - flag(area, threshold)]))
    assert packed.shape == (2, FLAG_BYTES)
    assert packed_flag(packed, area, threshold).tolist() == [True, False]


def test_overlaps_and_areas_set_the_flags_that_their_comparison_gives():
    rng = np.random.default_rng(0)
    iou = np.concatenate([IOU_THRESHOLDS, np.nextafter(IOU_THRESHOLDS, 0), rng.random(50)])
    areas = rng.random((len(iou), len(AREA_RANGES))) < 0.5
    packed = pack_flags(overlap_flags(iou) & area_flags(areas))
    for area in AREAS:
        for threshold in THRESHOLDS:
            expected = (iou >= IOU_THRESHOLDS[threshold]) & areas[:, area]
            np.testing.assert_array_equal(packed_flag(packed, area, threshold), expected)
