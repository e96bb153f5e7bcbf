from __future__ import annotations

import pytest

from longtail_det.evaluation.diagnosis import Outcome, detection_outcomes
from longtail_det.evaluation.diagnosis.outcomes import nearest_objects
from longtail_det.evaluation.lvis import detection_columns, ground_truth_table, match_detections

BOX, OTHER = [10.0, 10.0, 50.0, 40.0], [70.0, 80.0, 60.0, 60.0]


def found(image_id, category_id, box, score=0.5):
    return {'image_id': image_id, 'category_id': category_id, 'score': score, 'bbox': box}


def outcomes(gt, records, threshold=0.5):
    scored = match_detections(ground_truth_table(gt), detection_columns(records), 'bbox')
    return scored.gt, detection_outcomes(scored, len(records), threshold)


def test_every_kind_of_detection_is_told_apart(make_gt):
    gt = make_gt([(1, 1, BOX), (1, 2, BOX), (1, 2, OTHER)], num_images=2, not_exhaustive={1: [1]}, neg={2: [3]})
    gt['annotations'][2]['ignore'] = 1
    records = [
        found(2, 3, BOX),
        found(1, 1, OTHER, 0.9),
        found(2, 1, BOX),
        found(1, 1, BOX, 0.4),
        found(1, 2, OTHER),
        found(1, 2, [0.0, 0.0, 0.0, 9.0]),
    ]
    table, result = outcomes(gt, records)
    expected = [
        Outcome.FALSE_POSITIVE,
        Outcome.IGNORED,
        Outcome.NOT_SCORED,
        Outcome.TRUE_POSITIVE,
        Outcome.IGNORED,
        Outcome.NOT_SCORED,
    ]
    assert result.outcome.tolist() == expected
    partners = [table.object_ids[row] if row >= 0 else None for row in result.object_rows]
    assert partners == [None, None, None, 1, 3, None]


def test_a_loose_box_is_a_hit_only_at_a_low_threshold(make_gt):
    gt, records = make_gt([(1, 1, BOX)]), [found(1, 1, [10.0, 10.0, 50.0, 30.0])]
    assert outcomes(gt, records)[1].outcome.tolist() == [Outcome.TRUE_POSITIVE]
    assert outcomes(gt, records, 0.8)[1].outcome.tolist() == [Outcome.FALSE_POSITIVE]
    with pytest.raises(ValueError, match=r'iou_threshold 0.3 is none of \[0.5, 0.55'):
        outcomes(gt, records, 0.3)


def test_beyond_the_cap_of_the_image(make_gt):
    records = [found(1, 1, BOX, score) for score in [0.1] * 300 + [0.9]]
    result = outcomes(make_gt([(1, 1, BOX)]), records)[1].outcome
    assert (result[300], result[299], set(result[:299])) == (
        Outcome.TRUE_POSITIVE,
        Outcome.BEYOND_MAX_DETS,
        {Outcome.FALSE_POSITIVE},
    )


def test_the_nearest_object_is_of_any_class(make_gt):
    gt = ground_truth_table(make_gt([(1, 1, BOX), (1, 2, OTHER), (2, 3, BOX)], num_images=3))
    records = [found(2, 1, BOX), found(1, 3, [70.0, 80.0, 60.0, 30.0]), found(3, 1, BOX), found(1, 1, [0.0] * 4)]
    rows, iou = nearest_objects(gt, detection_columns(records))
    assert [gt.object_ids[row] if row >= 0 else None for row in rows] == [3, 2, None, None]
    assert iou.tolist() == [1.0, 0.5, 0.0, 0.0]
