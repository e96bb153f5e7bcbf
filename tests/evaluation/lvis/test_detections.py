from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.lvis import detection_columns
from longtail_det.evaluation.lvis.rle_column import RLEColumn

GOOD = {
    'image_id': 4,
    'category_id': 1,
    'score': 0.5,
    'bbox': [0, 0, 2, 5],
    'segmentation': {'size': [4, 4], 'counts': '088'},
}


def test_columns_hold_what_the_records_hold():
    found = detection_columns([GOOD, {**GOOD, 'score': 1, 'image_id': 9}], ['bbox', 'segm'])
    assert (found.image_ids.tolist(), found.category_ids.tolist()) == ([4, 9], [1, 1])
    assert (found.scores.tolist(), found.boxes.tolist()) == ([0.5, 1.0], [[0, 0, 2, 5]] * 2)
    assert found.masks == [GOOD['segmentation']] * 2
    assert detection_columns([GOOD]).masks is None


def test_ids_may_be_whole_floats():
    whole = [{**GOOD, 'image_id': 87470.0, 'category_id': np.float32(3)}, {**GOOD, 'image_id': 2**53 - 1}]
    found = detection_columns([GOOD, *whole])
    assert (found.image_ids.tolist(), found.category_ids.tolist()) == ([4, 87470, 2**53 - 1], [1, 3, 1])


def test_no_record_gives_empty_columns():
    found = detection_columns([], ['bbox', 'segm'])
    assert (len(found), found.boxes.shape, found.masks) == (0, (0, 4), [])


@pytest.mark.parametrize(
    ('record', 'message'),
    [
        ({k: v for k, v in GOOD.items() if k != 'score'}, r"record 1 has no 'score'; expected the keys"),
        ({**GOOD, 'score': 'high'}, r"record 1: score is 'high'; expected a finite number"),
        ({**GOOD, 'score': float('nan')}, r'record 1: score is nan; expected a finite number'),
        ({**GOOD, 'image_id': '4'}, r"record 1: image_id is '4'; expected a whole number"),
        ({**GOOD, 'image_id': 87470.5}, r'record 1: image_id is 87470.5; expected a whole number'),
        ({**GOOD, 'image_id': np.inf}, r'record 1: image_id is inf; expected a whole number'),
        ({**GOOD, 'image_id': 1e30}, r'record 1: image_id is 1e\+30; expected a whole number of at most 63 bits'),
        ({**GOOD, 'category_id': 1.5}, r'record 1: category_id is 1.5; expected a whole number'),
        ({**GOOD, 'bbox': [0, 0, 2]}, r'record 1: bbox is \[0, 0, 2\]; expected four finite numbers'),
        ({**GOOD, 'bbox': None}, r'record 1: bbox is None; expected four'),
        ({**GOOD, 'bbox': [0, 0, 2, np.inf]}, r'record 1: bbox is .* expected four finite numbers'),
        ({**GOOD, 'segmentation': [[0, 0, 4, 0, 4, 4]]}, r'record 1: segmentation is .* expected an RLE'),
        ({**GOOD, 'segmentation': {'size': [4, 4], 'counts': [3, 4]}}, r'record 1: segmentation .* compressed counts'),
        ({**GOOD, 'segmentation': {'size': [4, None], 'counts': 'abc'}}, r'record 1: segmentation .* expected an RLE'),
        (
            {**GOOD, 'segmentation': {'size': [4, 4], 'counts': 'ab\u00e9'}},
            r'record 1: segmentation .* compressed counts',
        ),
        ({**GOOD, 'segmentation': {'size': [4, 4], 'counts': 'garbage!'}}, r'record 1: .* counts add up to height x'),
        ({**GOOD, 'segmentation': {'size': [4, 5], 'counts': '088'}}, r'record 1: .* counts add up to height x width'),
        ({**GOOD, 'segmentation': {'size': [-1, -16], 'counts': '088'}}, r'record 1: .* size .* is above 0'),
        ({**GOOD, 'bbox': [0, 0, -2, 5]}, r'record 1: bbox is .* expected four finite numbers x, y, width >= 0'),
        ([1, 2], r'record 1 is a list; expected an object with the keys'),
    ],
)
def test_a_malformed_record_is_named(record, message):
    with pytest.raises(ValueError, match=message) as error:
        detection_columns(iter([GOOD, record]), ['bbox', 'segm'])
    assert '\n' not in str(error.value)


def test_of_an_iterator_nothing_is_kept_but_the_columns():
    records = [{**GOOD, 'image_id': number} for number in range(1500)]
    found = detection_columns(iter(records), ['bbox', 'segm'])
    assert found.image_ids.tolist() == list(range(1500))
    assert isinstance(found.masks, RLEColumn)
    assert found.masks[700] == {'size': [4, 4], 'counts': b'088'}
    records[1400] = {**GOOD, 'score': None}
    with pytest.raises(ValueError, match=r'record 1400: score is None'):
        detection_columns(iter(records), ['bbox', 'segm'])
