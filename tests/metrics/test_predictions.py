from __future__ import annotations

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.metrics.predictions import Prediction, encode_masks
from longtail_det.models.mask_heads import EncodedMasks


@given(
    seed=st.integers(0, 10**6), fill=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), reach=st.sampled_from([0, 2, 3, 99])
)
def test_masks_are_encoded_as_pycocotools_does_wherever_the_box_is(seed, fill, reach):
    """Masks that keep within their box, or go beyond it by some pixels, or lie anywhere."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 20, 2)
    masks = rng.random((3, height, width)) < fill
    masks[:, : height // 3] &= rng.random() < 0.5
    boxes = rng.uniform(-4, 20, (2, 4)).round(1)
    for row, (x, y, w, h) in zip((2, 0), boxes, strict=True):
        rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5
        masks[row] &= (abs(rows - y - h / 2) <= h / 2 + reach) & (abs(columns - x - w / 2) <= w / 2 + reach)
    expected = [mask_utils.encode(np.asfortranarray(masks[row].astype(np.uint8))) for row in (2, 0)]
    assert encode_masks(masks, np.array([2, 0]), boxes) == expected


def sample(**instances):
    fields = {'bboxes': torch.tensor([[1.0, 2, 4, 8]]), 'scores': torch.tensor([0.5]), 'labels': torch.tensor([3])}
    return {'img_id': 7, 'pred_instances': {**fields, **instances}}


def test_boxes_become_xywh_in_double_precision():
    corners = torch.tensor([[0.1, 0.2, 100.3, 50.7]])
    found = Prediction.from_sample(sample(bboxes=corners))
    x0, y0, x1, y1 = corners[0].tolist()
    assert found.boxes.tolist() == [[x0, y0, x1 - x0, y1 - y0]]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_scores_of_any_precision_keep_their_value(dtype):
    found = Prediction.from_sample(sample(scores=torch.tensor([0.3], dtype=dtype)))
    assert found.scores.tolist() == torch.tensor([0.3], dtype=dtype).tolist()
    assert found.mask_scores is found.scores


def test_masks_may_be_ranked_by_a_score_of_their_own():
    found = Prediction.from_sample(sample(mask_scores=torch.tensor([0.25])))
    assert (found.scores.tolist(), found.mask_scores.tolist()) == ([0.5], [0.25])


@pytest.mark.parametrize('masks', [[{'size': [9, 9], 'counts': b'abc'}], EncodedMasks([b'abc'], 9, 9)], ids=type)
def test_rles_are_taken_as_they_are(masks):
    """From a list, and from what our mask heads give."""
    assert Prediction.from_sample(sample(masks=masks)).rles(np.array([0]), (9, 9)) == [
        {'size': [9, 9], 'counts': b'abc'}
    ]


@pytest.mark.parametrize(
    ('masks', 'message'),
    [
        (None, r"metric 'segm' needs masks, but image 7 was predicted without any"),
        (torch.ones(1, 8, 6, dtype=torch.bool), r'masks of image 7 are 6x8, but the annotation file says 9x9'),
    ],
)
def test_masks_that_do_not_serve_are_one_line(masks, message):
    given = {} if masks is None else {'masks': masks}
    with pytest.raises(ValueError, match=message) as error:
        Prediction.from_sample(sample(**given)).rles(np.array([0]), (9, 9))
    assert '\n' not in str(error.value)
