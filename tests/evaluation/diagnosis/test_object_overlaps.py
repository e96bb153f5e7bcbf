from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import object_overlaps
from longtail_det.evaluation.lvis import detection_columns, ground_truth_table, match_detections

from .literal_matching import box_iou, clean_case, match


@pytest.mark.parametrize('seed', range(3))
def test_overlaps_with_the_own_class_and_with_others_equal_loops(lvis_case, seed):
    gt, records = clean_case(*lvis_case(seed, num_images=10))
    scored = match_detections(ground_truth_table(gt), detection_columns(records), 'bbox')
    overlaps = object_overlaps(scored)
    counted, partner = match(gt, records)
    by_score = np.argsort(-overlaps.scores)
    assert overlaps.scores[by_score].tolist() == [record['score'] for record in counted]
    assert len(overlaps.objects) == len(gt['annotations'])
    assert overlaps.is_true.sum() == len(partner)
    for row, record in zip(by_score, counted, strict=True):
        for is_own, ious, rows in ((True, overlaps.own_iou, overlaps.own), (False, overlaps.other_iou, overlaps.other)):
            own = [a for a in record['there'] if (a['category_id'] == record['category_id']) == is_own]
            expected = max((box_iou(record, a) for a in own), default=0)
            assert ious[row] == pytest.approx(expected, abs=1e-12)
            assert (rows[row] >= 0) == (expected > 0)
        truth = record['truth']
        assert (truth is not None) == overlaps.is_true[row]
        if truth is not None:
            assert scored.gt.object_ids[overlaps.matched[row]] == truth['id']
            assert overlaps.matched_iou[row] == pytest.approx(box_iou(record, truth))


@pytest.mark.parametrize('metric', ['segm', 'boundary'])
def test_masks_are_compared_where_masks_are_scored(metric, lvis_case):
    if metric == 'boundary':
        pytest.importorskip('cv2')
    gt, records = lvis_case(1, num_images=10)
    scored = match_detections(ground_truth_table(gt, [metric]), detection_columns(records, [metric]), metric)
    overlaps = object_overlaps(scored)
    assert overlaps.is_true.any()
    assert (overlaps.matched_iou[overlaps.is_true] >= 0.5).all()
    assert not overlaps.matched_iou[~overlaps.is_true].any()
