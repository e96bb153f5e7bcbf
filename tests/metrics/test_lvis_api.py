from __future__ import annotations

import copy
import json

import pycocotools.mask as mask_utils
import pytest

from longtail_det.compat.lvis_api import import_lvis
from longtail_det.metrics import detection_records, evaluate_lvis_api

BOX, OTHER_BOX = [10.0, 10.0, 50.0, 40.0], [70.0, 80.0, 60.0, 60.0]
SMALL_BOX = [100.0, 5.0, 20.0, 20.0]
ONE = pytest.approx(1, abs=1e-12)  # the API divides by tp + fp + eps


def found(image_id, category_id, box, score=0.5):
    return {'image_id': image_id, 'category_id': category_id, 'score': score, 'bbox': box}


def score(gt, records, metric='bbox', **kwargs):
    return evaluate_lvis_api(gt, records, metric, [image['id'] for image in gt['images']], **kwargs)


def records_of(detections, metric):
    return detection_records(detections, list(range(1, 7)), metric)


def lvis_on_files(gt, records, metric, tmp_path, img_ids=None, cat_ids=None):
    """The API as its own README uses it."""
    (tmp_path / 'gt.json').write_text(json.dumps(gt))
    (tmp_path / 'dt.json').write_text(json.dumps(records))
    evaluator = import_lvis()[1](str(tmp_path / 'gt.json'), str(tmp_path / 'dt.json'), metric)
    evaluator.params.img_ids = img_ids or evaluator.params.img_ids
    evaluator.params.cat_ids = cat_ids or evaluator.params.cat_ids
    evaluator.run()
    return dict(evaluator.get_results())


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
def test_perfect_detections_score_one(random_gt, as_detections, metric):
    results = score(random_gt, records_of(as_detections(random_gt), metric), metric)
    assert list(results.values()) == [ONE] * 13


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
def test_it_equals_lvis_on_files(random_gt, as_detections, tmp_path, metric):
    records = records_of(as_detections(random_gt, jitter=6, confusion=0.3, noise=8), metric)
    results = score(random_gt, records, metric)
    assert results == lvis_on_files(random_gt, records, metric, tmp_path)
    assert 0.05 < results['AP'] < 0.95


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
def test_a_subset_of_images_and_classes_equals_lvis_told_so(random_gt, as_detections, tmp_path, metric):
    records = records_of(as_detections(random_gt, jitter=6, confusion=0.3, noise=8), metric)
    results = evaluate_lvis_api(random_gt, records, metric, [3, 9, 1, 10], category_ids=[2, 6, 4])
    assert results == lvis_on_files(random_gt, records, metric, tmp_path, [1, 3, 9, 10], [2, 4, 6])
    assert results != score(random_gt, records, metric)


def test_the_right_box_with_the_wrong_class_scores_zero(make_gt):
    gt = make_gt([(1, 1, BOX)], neg={1: [2]})
    assert score(gt, [found(1, 2, BOX)])['AP'] == 0


def test_group_averages_by_hand(make_gt):
    gt = make_gt([(1, 1, BOX), (1, 1, OTHER_BOX), (1, 2, BOX), (1, 3, BOX)])
    results = score(gt, [found(1, 1, BOX), found(1, 2, BOX)], classwise=True)
    half_recalled = 51 / 101  # precision 1 at the recall levels 0.00 to 0.50 of 101
    assert [results['APr'], results['AP/class 1']] == [pytest.approx(half_recalled)] * 2
    assert [results['APc'], results['AP/class 2']] == [ONE] * 2
    assert results['APf'] == results['AP/class 3'] == 0
    assert [results[key] for key in ('AP', 'AP50', 'AP75')] == [pytest.approx((half_recalled + 1) / 3)] * 3


def test_a_class_without_ground_truth_is_minus_one_and_left_out_of_the_mean(make_gt):
    gt = make_gt([(1, 3, BOX)], neg={1: [1]})
    results = score(gt, [found(1, 3, BOX), found(1, 1, BOX)], classwise=True)
    assert (results['AP'], results['APf'], results['APr'], results['APc']) == (ONE, ONE, -1, -1)
    assert (results['AP/class 1'], results['AP/class 3']) == (-1, ONE)


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
def test_no_detection_is_zero_where_there_is_something_to_find(make_gt, metric):
    results = score(make_gt([(1, 1, BOX), (1, 1, SMALL_BOX), (1, 2, BOX)]), [], metric)
    assert {key for key, value in results.items() if value == -1} == {'APf', 'APl', 'ARl@300'}
    assert set(results.values()) == {0.0, -1.0}


def test_an_unlisted_class_is_not_punished_and_a_negative_one_is(make_gt):
    objects = [(1, 1, BOX), (2, 1, BOX)]
    records = [found(1, 1, BOX, 0.5), found(2, 1, BOX, 0.5), found(3, 1, BOX, 0.9)]
    assert score(make_gt(objects, num_images=3), records)['AP'] == ONE
    assert score(make_gt(objects, num_images=3, neg={3: [1]}), records)['AP'] == pytest.approx(2 / 3)


def test_a_class_not_exhaustively_annotated_gives_no_false_positive(make_gt):
    records = [found(1, 1, BOX, 0.5), found(1, 1, OTHER_BOX, 0.9)]
    assert score(make_gt([(1, 1, BOX)]), records)['AP'] == pytest.approx(1 / 2)
    assert score(make_gt([(1, 1, BOX)], not_exhaustive={1: [1]}), records)['AP'] == ONE


def test_masks_are_sized_by_their_own_area(make_gt, as_detections):
    """A false positive of a 40 x 40 diagonal half (800 pixels, small) whose box (1 600) is medium."""
    gt = make_gt([(1, 1, SMALL_BOX), (1, 1, BOX)])
    right = detection_records(as_detections(gt), [1, 2, 3], 'segm')
    triangle = mask_utils.frPyObjects([[10, 100, 50, 100, 10, 140]], 160, 160)[0]
    wrong = {'image_id': 1, 'category_id': 1, 'score': 2.0, 'segmentation': triangle}
    results = score(gt, [*right, wrong], 'segm')
    assert (results['APs'], results['APm']) == (pytest.approx(1 / 2), ONE)


def test_a_file_without_federated_fields_is_complete(make_gt):
    objects, records = [(1, 1, BOX)], [found(1, 1, BOX, 0.5), found(2, 1, BOX, 0.9)]
    results = score(make_gt(objects, num_images=2, federated=False), records)
    assert results['AP'] == pytest.approx(1 / 2)
    assert results.keys().isdisjoint({'APr', 'APc', 'APf'})
    listed = make_gt(objects, num_images=2, neg={1: [2, 3], 2: [1, 2, 3]})
    assert results.items() <= score(listed, records).items()


def test_groups_come_from_image_count_where_frequency_is_missing(make_gt):
    gt = make_gt([(1, 1, BOX), (1, 2, BOX)], federated=False)
    for category, count in zip(gt['categories'], (10, 11, 1000), strict=True):
        category['image_count'] = count
    results = score(gt, [found(1, 2, BOX)])
    assert (results['APr'], results['APc'], results['APf']) == (0, ONE, -1)


def test_a_crowd_is_neither_searched_for_nor_a_false_positive(make_gt):
    gt = make_gt([(1, 1, BOX), (1, 1, OTHER_BOX)], federated=False)
    gt['annotations'][1]['iscrowd'] = 1
    assert score(gt, [found(1, 1, BOX, 0.5)])['AP'] == ONE
    assert score(gt, [found(1, 1, BOX, 0.5), found(1, 1, OTHER_BOX, 0.9)])['AP'] == ONE


@pytest.mark.parametrize('ids', [[0, 1], [7, 7]])
def test_annotation_ids_carry_no_meaning(make_gt, ids):
    gt = make_gt([(1, 1, BOX), (1, 1, OTHER_BOX)])
    for annotation, annotation_id in zip(gt['annotations'], ids, strict=True):
        annotation['id'] = annotation_id
    assert score(gt, [found(1, 1, BOX), found(1, 1, OTHER_BOX)])['AP'] == ONE


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
def test_nothing_given_is_modified(random_gt, as_detections, metric):
    records = records_of(as_detections(random_gt, jitter=6, noise=3), metric)
    before = copy.deepcopy((random_gt, records))
    first = score(random_gt, records, metric)
    assert (random_gt, records) == before
    assert score(random_gt, records, metric) == first


def test_the_classwise_mean_is_the_ap(random_gt, as_detections):
    records = records_of(as_detections(random_gt, jitter=6, confusion=0.3, noise=8), 'bbox')
    results = score(random_gt, records, classwise=True)
    by_class = [value for key, value in results.items() if key.startswith('AP/')]
    assert len(by_class) == 6
    assert sum(by_class) / 6 == pytest.approx(results['AP'])


def test_an_image_that_the_file_does_not_hold_is_one_line(make_gt):
    with pytest.raises(ValueError, match=r'image id 7 .* not among the 1 images .*val_evaluator.ann_file'):
        evaluate_lvis_api(make_gt([(1, 1, BOX)]), [], 'bbox', [1, 7])


def test_the_api_warns_of_nothing(random_gt, as_detections, caplog):
    score(random_gt, records_of(as_detections(random_gt), 'bbox'))
    assert caplog.records == []
