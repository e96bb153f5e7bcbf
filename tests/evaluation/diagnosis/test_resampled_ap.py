from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import class_ap
from longtail_det.evaluation.diagnosis.resampled_ap import weighted_class_ap
from longtail_det.evaluation.lvis import detection_columns, evaluate_detections, ground_truth_table, match_detections


def without_ties(records):
    """Scores of an image are all different; those of different images may be equal."""
    for number, record in enumerate(records):
        record['score'] += 1e-6 * (number % 997)
    return records


def repeated(gt, records, weights):
    """The literal resample: copies of images, objects and detections."""
    copies = {image['id']: [10 * image['id'] + k for k in range(weights[image['id']])] for image in gt['images']}
    images = [{**image, 'id': new} for image in gt['images'] for new in copies[image['id']]]
    annotations = [{**ann, 'image_id': new} for ann in gt['annotations'] for new in copies[ann['image_id']]]
    for number, annotation in enumerate(annotations, start=1):
        annotation['id'] = number
    found = [{**record, 'image_id': new} for record in records for new in copies[record['image_id']]]
    return {**gt, 'images': images, 'annotations': annotations}, found


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
@pytest.mark.parametrize('seed', range(4))
def test_weights_equal_an_evaluation_of_repeated_images(lvis_case, seed, metric):
    gt, records = lvis_case(seed, max_detections=40)
    without_ties(records)
    scored = match_detections(ground_truth_table(gt, [metric]), detection_columns(records, [metric]), metric)
    weights = np.random.default_rng(seed).integers(0, 4, (3, len(gt['images'])), dtype=np.uint8)
    ap = weighted_class_ap(scored.gt, scored.image_rows, scored.matches, scored.matches.in_max_dets, weights)
    for row, own in zip(ap, weights, strict=True):
        many, found = repeated(gt, records, dict(zip(scored.gt.image_ids.tolist(), own.tolist(), strict=True)))
        expected = evaluate_detections(many, found, [metric], classwise=True)[metric]
        np.testing.assert_allclose(row, class_ap(expected, scored.gt.names), rtol=0, atol=1e-12)


def test_weights_of_one_equal_the_evaluation_also_of_some_images(lvis_case):
    gt, records = lvis_case(7, num_images=20)
    img_ids = [image['id'] for image in gt['images'][::2]]
    scored = match_detections(ground_truth_table(gt, ['bbox']), detection_columns(records), 'bbox', img_ids)
    ones = np.ones((1, len(img_ids)), dtype=np.uint8)
    ap = weighted_class_ap(scored.gt, scored.image_rows, scored.matches, scored.matches.in_max_dets, ones)
    expected = class_ap(scored.results(classwise=True), scored.gt.names)
    np.testing.assert_allclose(ap[0], expected, rtol=0, atol=1e-12)
    assert np.isnan(expected).any()  # the last class has no object


def test_a_recall_that_lies_beside_its_threshold_is_reached_as_in_the_evaluation(make_gt):
    """100 objects, 57 found: 57 / 100 is less than the 57th threshold as float64 has them."""
    box = [10.0, 10.0, 50.0, 40.0]
    gt = make_gt([(image, 1, box) for image in range(1, 101)], num_images=100)
    records = [{'image_id': image, 'category_id': 1, 'score': 0.5, 'bbox': box} for image in range(1, 58)]
    scored = match_detections(ground_truth_table(gt), detection_columns(records), 'bbox')
    ones = np.ones((1, 100), dtype=np.uint8)
    ap = weighted_class_ap(scored.gt, scored.image_rows, scored.matches, scored.matches.in_max_dets, ones)
    assert ap[0, 0] == pytest.approx(scored.results()['AP'], abs=1e-12)
    assert ap[0, 0] == pytest.approx(57 / 101, abs=1e-12)
