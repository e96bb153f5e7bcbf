from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import object_overlaps, optimal_lrp
from longtail_det.evaluation.lvis import detection_columns, ground_truth_table, match_detections

from .literal_matching import box_iou, clean_case, match

BOX = [10.0, 10.0, 50.0, 40.0]


def computed(gt, records):
    scored = match_detections(ground_truth_table(gt, ['bbox']), detection_columns(records), 'bbox')
    return scored.gt, optimal_lrp(object_overlaps(scored))


def literal_lrp(counted, num_objects, threshold):
    """Equation 3 of the paper, and its three components, of the detections of a class from a score on."""
    kept = [record for record in counted if record['score'] >= threshold]
    true = [box_iou(record, record['truth']) for record in kept if record['truth'] is not None]
    false_positives, false_negatives = len(kept) - len(true), num_objects - len(true)
    total = len(true) + false_positives + false_negatives
    lrp = (sum((1 - iou) / (1 - 0.5) for iou in true) + false_positives + false_negatives) / total
    localization = sum(1 - iou for iou in true) / len(true) if true else np.nan
    return lrp, localization, false_positives / len(kept) if kept else np.nan, false_negatives / num_objects


@pytest.mark.parametrize('seed', range(6))
def test_the_least_lrp_and_its_parts_equal_a_literal_walk_over_the_thresholds(lvis_case, seed):
    gt, records = clean_case(*lvis_case(seed, num_images=16, num_classes=6, max_detections=30))
    for record in records:  # ties, which a threshold keeps together
        record['score'] = round(record['score'], 1)
    table, result = computed(gt, records)
    counted, _ = match(gt, records)
    for label, category_id in enumerate(table.category_ids.tolist()):
        own = [record for record in counted if record['category_id'] == category_id]
        num_objects = sum(a['category_id'] == category_id for a in gt['annotations'])
        if not num_objects:
            assert np.isnan(result.lrp[label])
            continue
        options = [(literal_lrp(own, num_objects, s), s) for s in [np.inf, *sorted({r['score'] for r in own})[::-1]]]
        values, threshold = min(options, key=lambda option: option[0][0])
        assert result.lrp[label] == pytest.approx(values[0], abs=1e-12)
        if values[0] < 1:
            parts = (result.localization, result.false_positive, result.false_negative, result.threshold)
            np.testing.assert_allclose([part[label] for part in parts], [*values[1:], threshold], atol=1e-12)


def test_a_right_detector_has_no_error_and_a_blind_one_nothing_else(random_gt, make_gt):
    records = [
        {'image_id': a['image_id'], 'category_id': a['category_id'], 'score': 0.5, 'bbox': a['bbox']}
        for a in random_gt['annotations']
    ]
    expected = {'lrp': 0, 'localization': 0, 'false_positive': 0, 'false_negative': 0, 'threshold': 0.5}
    assert computed(random_gt, records)[1].means() == pytest.approx(expected, abs=1e-9)
    for found in ([], [{'image_id': 1, 'category_id': 1, 'score': 0.9, 'bbox': [100.0, 100.0, 5.0, 5.0]}]):
        means = computed(make_gt([(1, 1, BOX)]), found)[1].means('r')
        assert (means['lrp'], means['false_negative']) == (1, 1)
        assert np.isnan([means['localization'], means['false_positive'], means['threshold']]).all()


def test_a_loose_box_costs_its_distance(make_gt):
    loose = {'image_id': 1, 'category_id': 1, 'score': 0.7, 'bbox': [10.0, 10.0, 50.0, 30.0]}  # IoU 0.75
    means = computed(make_gt([(1, 1, BOX)]), [loose])[1].means()
    assert means == pytest.approx(
        {'lrp': 0.5, 'localization': 0.25, 'false_positive': 0, 'false_negative': 0, 'threshold': 0.7}
    )
