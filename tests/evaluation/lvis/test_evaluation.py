"""Precision and recall equal those of lvis-api to the last bit; the other modes equal literal loops."""

from __future__ import annotations

import copy
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
import pytest

from longtail_det.compat.lvis_api import import_lvis
from longtail_det.evaluation.lvis import (
    detection_columns,
    evaluate_detections,
    ground_truth_table,
    match_detections,
)
from longtail_det.evaluation.lvis.accumulation import count_objects, curves_by_area
from longtail_det.evaluation.lvis.boundary import boundary_rle

KEY = {'bbox': 'bbox', 'segm': 'segmentation'}
CASES = [
    dict(),
    dict(num_images=1),
    dict(num_images=4, max_detections=900, num_classes=4),  # beyond the limit of an image
    dict(num_classes=30, num_images=25),
]


def lvis_api(
    gt: dict[str, Any],
    records: list[dict[str, Any]],
    metric: str,
    max_dets: int = 300,
    keys: Sequence[str] | None = None,
) -> Any:
    """The API as its README uses it, on what a json file would hold."""
    pytest.importorskip('lvis')
    lvis_class, evaluator_class, results_class = import_lvis()
    truth = lvis_class.__new__(lvis_class)
    truth.logger, truth.dataset = logging.getLogger('lvis'), json.loads(json.dumps(gt))
    truth._create_index()
    keys = ('image_id', 'category_id', 'score', *([KEY[metric]] if keys is None else keys))
    found = results_class(truth, [{key: copy.deepcopy(r[key]) for key in keys} for r in records], max_dets)
    evaluator = evaluator_class(truth, found, metric)
    evaluator.run()
    return evaluator


@pytest.fixture
def evaluate_lvis_api():
    """Return the function of that name, which runs the API for mmdet's LVIS metric."""
    pytest.importorskip('mmdet')
    return import_module('longtail_det.metrics').evaluate_lvis_api


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
@pytest.mark.parametrize('case', CASES, ids=str)
@pytest.mark.parametrize('seed', [0, 1])
def test_precision_and_recall_equal_lvis_to_the_last_bit(lvis_case, case, seed, metric):
    gt, records = lvis_case(seed + 10, **case)
    expected = lvis_api(gt, records, metric)
    table = ground_truth_table(gt)
    scored = match_detections(table, detection_columns(records, [metric]), metric)
    curves = list(curves_by_area(scored.matches, count_objects(table, scored.image_rows), scored.matches.in_max_dets))
    np.testing.assert_array_equal(np.stack([c.precision for c in curves], -1), expected.eval['precision'], strict=True)
    np.testing.assert_array_equal(np.stack([c.recall for c in curves], -1), expected.eval['recall'], strict=True)
    assert evaluate_detections(gt, records, [metric])[metric] == dict(expected.get_results())
    assert 0 < expected.eval['recall'].max() <= 1


def test_the_cap_of_an_image_is_at_work(lvis_case):
    gt, records = lvis_case(10, num_images=4, max_detections=900, num_classes=4)
    assert max(np.unique([record['image_id'] for record in records], return_counts=True)[1]) > 300
    results = evaluate_detections(gt, records, modes=['default', 'fixed'])
    assert results['bbox']['AP'] != results['bbox_fixed']['AP']


@pytest.mark.parametrize('seed', [0, 1])
def test_masks_sized_by_the_boxes_beside_them_equal_lvis_on_records_with_both(lvis_case, seed):
    gt, records = lvis_case(seed)
    expected = lvis_api(gt, records, 'segm', keys=('bbox', 'segmentation')).get_results()
    columns = detection_columns(records, ['bbox', 'segm'])
    assert evaluate_detections(gt, columns.with_box_areas(), ['segm'])['segm'] == dict(expected)
    assert evaluate_detections(gt, columns, ['segm'])['segm'] != dict(expected)


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
def test_a_subset_of_images_and_classes_equals_the_slow_way(lvis_case, evaluate_lvis_api, metric):
    gt, records = lvis_case(3)
    img_ids = [image['id'] for image in gt['images'][2:9]]
    given = dict(category_ids=[1, 4, 5, 2], classwise=True)
    part = [record for record in records if record['category_id'] in given['category_ids']]
    expected = evaluate_lvis_api(
        gt, [{k: v for k, v in r.items() if k != 'bbox' or metric == 'bbox'} for r in part], metric, img_ids, **given
    )
    assert evaluate_detections(gt, part, [metric], img_ids=img_ids, **given)[metric] == expected
    assert expected != evaluate_detections(gt, records, [metric], **given)[metric]


@pytest.mark.parametrize('metric', ['bbox', 'segm', 'boundary'])
def test_no_detection_scores_zero(lvis_case, metric):
    gt, _ = lvis_case(0)
    results = evaluate_detections(gt, [], [metric], modes=['default', 'fixed', 'pool'])
    assert all(set(values.values()) <= {0.0, -1.0} and values['AP'] == 0 for values in results.values())


def test_no_object_is_nothing_to_find(lvis_case):
    gt, records = lvis_case(0)
    results = evaluate_detections({**gt, 'annotations': []}, records, modes=['default', 'fixed', 'pool'])
    assert {value for values in results.values() for value in values.values()} == {-1.0}


def test_a_file_without_classes_is_refused(lvis_case):
    gt, records = lvis_case(0)
    with pytest.raises(ValueError, match='holds no usable categories'):
        evaluate_detections({**gt, 'categories': [], 'annotations': []}, records)


def test_a_coco_file_equals_the_slow_way(lvis_case, evaluate_lvis_api):
    gt, records = lvis_case(1)
    for image in gt['images']:
        del image['neg_category_ids'], image['not_exhaustive_category_ids']
    img_ids = [image['id'] for image in gt['images']]
    expected = evaluate_lvis_api(gt, records, 'bbox', img_ids)
    assert evaluate_detections(gt, records)['bbox'] == expected
    without_crowd = copy.deepcopy(gt)
    for annotation in without_crowd['annotations']:
        annotation.pop('iscrowd', None)
    assert evaluate_detections(without_crowd, records)['bbox'] != expected


def test_nothing_given_is_modified(lvis_case):
    pytest.importorskip('cv2')
    gt, records = lvis_case(2)
    before = copy.deepcopy((gt, records))
    evaluate_detections(gt, records, ['bbox', 'segm', 'boundary'], modes=['default', 'fixed', 'pool'], classwise=True)
    assert (gt, records) == before


def test_masks_are_sized_by_their_own_area(lvis_case):
    gt, records = lvis_case(4)
    bare = [{key: value for key, value in record.items() if key != 'bbox'} for record in records]
    assert evaluate_detections(gt, records, ['segm']) == evaluate_detections(gt, bare, ['segm'])


@pytest.mark.parametrize('max_dets', [3, 20, 10_000])
def test_fixed_equals_a_loop_that_keeps_the_best_of_each_class(lvis_case, monkeypatch, max_dets):
    """The limit is lowered so that it cuts, through ties too, which go to the earlier record of the file.

    This is what the 2021 branch of lvis-api keeps; lvis-api then scores what is left.
    """
    gt, records = lvis_case(5, max_detections=300, num_images=6)
    by_class = defaultdict(list)
    for record in records:
        by_class[record['category_id']].append(record)
    kept = [r for found in by_class.values() for r in sorted(found, key=lambda r: -r['score'])[:max_dets]]
    expected = dict(lvis_api(gt, kept, 'bbox', max_dets=-1).get_results())
    monkeypatch.setattr('longtail_det.evaluation.lvis.parameters.MAX_CLASS_DETS', max_dets)
    pool = evaluate_detections(gt, kept, modes=['pool'])
    assert evaluate_detections(gt, records, modes=['pool']) == pool
    results = evaluate_detections(gt, records, modes=['fixed'])['bbox_fixed']
    assert {key: value for key, value in results.items() if 'AR' not in key} == {
        key: value for key, value in expected.items() if 'AR' not in key
    }
    assert [results[f'AR{s}'] for s in ('', 's', 'm', 'l')] == [v for k, v in expected.items() if 'AR' in k]


def test_pool_of_one_class_is_fixed(lvis_case):
    gt, records = lvis_case(6)
    results = evaluate_detections(gt, records, modes=['fixed', 'pool'], category_ids=[3])
    assert results['bbox_fixed'] == results['bbox_pool']
    assert 0 < results['bbox_pool']['AP'] < 1


def test_pool_ranks_all_classes_together(make_gt):
    box, other = [10.0, 10.0, 50.0, 40.0], [70.0, 80.0, 60.0, 60.0]
    gt = make_gt([(1, 1, box), (1, 3, other)], neg={1: [2]})

    def found(category_id: int, shape: list[float], score: float) -> dict[str, Any]:
        return {'image_id': 1, 'category_id': category_id, 'score': score, 'bbox': shape}

    records = [found(1, box, 0.5), found(3, other, 0.2), found(3, box, 0.1), found(2, box, 0.3)]
    results = evaluate_detections(gt, records, modes=['default', 'pool'])
    assert results['bbox']['AP'] == pytest.approx(1)  # each class has its true positive first
    # one class's false positive stands between two true positives: precision 1 up to recall 0.5, then 2/3
    assert results['bbox_pool']['AP'] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert (results['bbox_pool']['APr'], results['bbox_pool']['APf']) == (pytest.approx(1), pytest.approx(1))
    assert results['bbox_pool']['APc'] == -1


def test_boundary_equals_lvis_with_the_smaller_overlap(lvis_case, monkeypatch):
    """lvis-api itself, given min(mask IoU, boundary IoU) of every pair of masks."""
    pytest.importorskip('cv2')
    gt, records = lvis_case(7)
    calls = []

    def smaller(found: Any, objects: Any, crowd: Any) -> Any:
        iou = real(found, objects, crowd)
        if not len(found) or not len(objects):
            return iou
        calls.append(len(found))
        return np.minimum(iou, real([boundary_rle(f) for f in found], [boundary_rle(o) for o in objects], crowd))

    results = evaluate_detections(gt, records, ['boundary', 'segm'])
    real = mask_utils.iou
    monkeypatch.setattr(mask_utils, 'iou', smaller)
    assert results['boundary'] == dict(lvis_api(gt, records, 'segm').get_results())
    assert calls
    assert results['boundary']['AP'] < results['segm']['AP']


def test_the_classwise_mean_is_the_ap(lvis_case):
    gt, records = lvis_case(8)
    results = evaluate_detections(gt, records, classwise=True)['bbox']
    by_class = [value for key, value in results.items() if key.startswith('AP/')]
    assert len(by_class) == 8
    assert by_class[7] == -1  # has no object
    assert np.mean([value for value in by_class if value >= 0]) == pytest.approx(results['AP'])


def test_progress_counts_every_image_once(lvis_case):
    gt, records = lvis_case(0)
    steps: list[int] = []
    evaluate_detections(gt, records[:40], img_ids=[image['id'] for image in gt['images'][:9]], on_images=steps.append)
    assert sum(steps) == 9


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (dict(metrics=['proposal']), r"metric 'proposal' is not known; set val_evaluator.metric to one or more of"),
        (dict(metrics=[]), r'metric \[\] is not known'),
        (dict(modes=['best']), r"mode 'best' is not known"),
        (dict(img_ids=[-5]), r'image id -5 was predicted but is not among the 12 images'),
    ],
)
def test_a_wrong_argument_is_one_line(lvis_case, given, message):
    gt, records = lvis_case(0)
    with pytest.raises(ValueError, match=message) as error:
        evaluate_detections(gt, records, **given)
    assert '\n' not in str(error.value)


def test_a_detection_on_an_unknown_image_is_one_line(lvis_case):
    gt, records = lvis_case(0)
    records[3] = {**records[3], 'image_id': 10**6}
    with pytest.raises(ValueError, match=r'image id 1000000 was predicted but is not among'):
        evaluate_detections(gt, records)
