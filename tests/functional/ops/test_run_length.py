"""Run-length encoding from runs equals pycocotools' on the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as mask_api

from longtail_det.functional.ops import encode_runs


def runs_of(images):
    """Runs of (N, H, W) images down the columns, by a loop over pixels."""
    owner, start, end = [], [], []
    for index, image in enumerate(images):
        line = [False, *image.T.ravel().tolist(), False]
        for place in range(1, len(line)):
            if line[place] and not line[place - 1]:
                owner.append(index)
                start.append(place - 1)
            if line[place - 1] and not line[place]:
                end.append(place - 1)
    return [np.array(each, dtype=np.int64) for each in (owner, start, end)]


def encode(images):
    runs = runs_of(images)
    return encode_runs(*runs, num_masks=len(images), num_pixels=images[0].size if len(images) else 1)


def coco(images):
    return [mask_api.encode(np.asfortranarray(image, dtype=np.uint8))['counts'] for image in images]


@given(
    arrays(
        bool,
        st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
        elements=st.booleans(),
        fill=st.booleans(),
    )
)
def test_random_images(images):
    assert encode(images) == coco(images)


def test_long_runs_of_a_large_image():
    """Counts of up to 22 bits and their negative differences take five digits."""
    images = np.zeros((3, 1500, 1500), dtype=bool)
    images[0, 0, 0] = images[0, -1, -1] = True
    images[1, :, 200:1400] = True
    images[1, 700, 1450:] = True
    images[2, 3:1480:7, 5] = True
    images[2, :, 600:] = True
    assert encode(images) == coco(images)


@pytest.mark.parametrize('value', [False, True])
def test_all_off_and_all_on(value):
    images = np.full((2, 5, 4), value)
    assert encode(images) == coco(images)


def test_no_masks():
    assert encode(np.zeros((0, 5, 4), dtype=bool)) == []
