from __future__ import annotations

import numpy as np
import pytest

from longtail_det.metrics import detection_records

RLE = {'size': [4, 4], 'counts': '04>0'}


@pytest.fixture
def image():
    return {
        'img_id': 3,
        'bboxes': np.array([[1.0, 2.0, 4.0, 8.0], [0.0, 0.0, 1.0, 1.0]]),
        'scores': np.array([0.5, 0.25], dtype=np.float32),
        'labels': np.array([1, 0]),
        'masks': [RLE, RLE],
    }


def test_boxes_become_xywh_and_labels_category_ids(image):
    assert detection_records([image, {**image, 'img_id': 4}], [10, 20], 'bbox')[1:3] == [
        {'image_id': 3, 'category_id': 10, 'score': 0.25, 'bbox': [0, 0, 1, 1]},
        {'image_id': 4, 'category_id': 20, 'score': 0.5, 'bbox': [1, 2, 3, 6]},
    ]


def test_mask_records_hold_no_box(image):
    records = detection_records([image], [10, 20], 'segm')
    assert records[0] == {'image_id': 3, 'category_id': 20, 'score': 0.5, 'segmentation': RLE}


def test_mask_scores_rank_masks_and_only_masks(image):
    image['mask_scores'] = np.array([0.1, 0.2])
    assert [record['score'] for record in detection_records([image], [10, 20], 'segm')] == [0.1, 0.2]
    assert [record['score'] for record in detection_records([image], [10, 20], 'bbox')] == [0.5, 0.25]


def test_an_image_without_detections_gives_no_record(image):
    empty = {**image, 'bboxes': np.zeros((0, 4)), 'scores': np.zeros(0), 'labels': np.zeros(0, int), 'masks': []}
    assert detection_records([empty], [10], 'bbox') == detection_records([empty], [10], 'segm') == []


def test_what_is_given_stays_as_it_is(image):
    before = image['bboxes'].copy()
    detection_records([image], [10, 20], 'bbox')
    np.testing.assert_array_equal(image['bboxes'], before)


def test_missing_masks_and_labels_beyond_the_classes_are_one_line(image):
    with pytest.raises(
        ValueError, match=r'image 3 has a predicted label 1, but the dataset has 1 classes; .*num_classes'
    ):
        detection_records([image], [10], 'bbox')
    del image['masks']
    with pytest.raises(ValueError, match=r"'segm' needs masks, but image 3 .*metric='bbox'"):
        detection_records([image], [10, 20], 'segm')
