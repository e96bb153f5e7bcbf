"""What every metric of ours does in a test run; each test runs over all of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmdet.registry import METRICS
from mmengine.evaluator import Evaluator

from longtail_det.metrics import detection_records

from .streams import CLASSES, as_data_sample, expected, results_of_two


def test_the_evaluator_gives_what_the_function_gives(run, random_gt, detections, ann_file):
    results = run(detections, ann_file=ann_file, metric=['bbox', 'segm'])
    assert results == expected(random_gt, detections)
    assert all(type(value) is float for value in results.values())


def test_only_images_that_were_seen_are_scored(run, random_gt, detections, ann_file):
    results = run(detections[2:7], ann_file=ann_file, metric=['bbox', 'segm'])
    assert results == expected(random_gt, detections[2:7])
    assert results != expected(random_gt, detections)


def test_an_image_that_is_there_twice_counts_once(run, random_gt, detections, ann_file):
    assert run([*detections, *detections[:3]], ann_file=ann_file, metric=['bbox', 'segm']) == expected(
        random_gt, detections
    )


def test_labels_follow_the_class_names_of_the_dataset(run, random_gt, detections, ann_file):
    flipped = [{**image, 'labels': 5 - image['labels']} for image in detections]
    assert run(flipped, CLASSES[::-1], ann_file=ann_file) == run(detections, ann_file=ann_file)


def test_a_restricted_dataset_is_scored_on_its_classes(run, random_gt, detections, ann_file):
    kept = [
        {
            **{key: np.asarray(image[key])[image['labels'] == 3] for key in ('bboxes', 'scores', 'labels')},
            'img_id': image['img_id'],
            'masks': [m for m, label in zip(image['masks'], image['labels'], strict=True) if label == 3],
        }
        for image in detections
    ]
    relabeled = [{**image, 'labels': np.zeros_like(image['labels'])} for image in kept]
    whole = run(detections, ann_file=ann_file, classwise=True)
    part = run(relabeled, ['class 4'], ann_file=ann_file, classwise=True)
    assert part['lvis/bbox_AP'] == part['lvis/bbox_AP/class 4'] == whole['lvis/bbox_AP/class 4'] > 0
    assert (part['lvis/bbox_APc'], part['lvis/bbox_APr']) == (part['lvis/bbox_AP'], -1)


def test_no_detection_at_all_scores_zero(run, detections, ann_file):
    nothing = [
        {
            'img_id': d['img_id'],
            'bboxes': np.zeros((0, 4)),
            'scores': np.zeros(0),
            'labels': np.zeros(0, int),
            'masks': [],
        }
        for d in detections
    ]
    results = run(nothing, ann_file=ann_file, metric=['bbox', 'segm'])
    assert len(results) == 26
    assert set(results.values()) == {0.0}


def test_the_log_ends_in_the_table(run, detections, ann_file, log):
    results = run(detections, ann_file=ann_file, metric=['segm', 'bbox'], prefix='mine')
    header, segm, bbox = log().splitlines()[-3:]
    assert header.replace(' ', '') == 'metric|AP|AP50|AP75|APs|APm|APl|APr|APc|APf'
    assert segm.startswith(f'segm   | {100 * results["mine/segm_AP"]:.1f}')
    assert bbox.endswith(f'{100 * results["mine/bbox_APf"]:.1f}')


def test_the_log_says_what_a_coco_file_lacks(run, make_gt, as_detections, tmp_path, log):
    gt = make_gt([(1, 1, [10.0, 10.0, 50.0, 40.0])], federated=False)
    (tmp_path / 'coco.json').write_text(json.dumps(gt))
    results = run(as_detections(gt), CLASSES[:3], ann_file=str(tmp_path / 'coco.json'))
    assert 'lvis/bbox_APr' not in results
    assert 'every class that an image does not show is negative' in log()
    assert 'no APr, APc, APf' in log()


def test_results_files_are_those_that_lvis_reads(run, random_gt, detections, ann_file, tmp_path):
    prefix = tmp_path / 'new folder' / 'run'
    run(detections, ann_file=ann_file, metric=['bbox', 'segm'], outfile_prefix=str(prefix))
    for metric in ('bbox', 'segm'):
        records = json.loads(Path(f'{prefix}.{metric}.json').read_text())
        assert records == detection_records(detections, range(1, 7), metric)


def test_format_only_writes_and_scores_nothing(run, random_gt, detections, tmp_path):
    del random_gt['annotations']
    (tmp_path / 'test.json').write_text(json.dumps(random_gt))
    results = run(
        detections, ann_file=str(tmp_path / 'test.json'), format_only=True, outfile_prefix=str(tmp_path / 'out')
    )
    assert results == {}
    assert len(json.loads((tmp_path / 'out.bbox.json').read_text())) == sum(len(d['labels']) for d in detections)


def test_dumped_predictions_score_like_live_ones(run, metric_type, detections, ann_file):
    live = run(detections, ann_file=ann_file, metric='segm')
    samples = [as_data_sample(image).to_dict() for image in detections]
    for sample, image in zip(samples, detections, strict=True):
        sample['pred_instances']['masks'] = [{**m, 'counts': m['counts'].encode()} for m in image['masks']]
    evaluator = Evaluator(METRICS.build({'type': metric_type, 'ann_file': ann_file, 'metric': 'segm'}))
    evaluator.dataset_meta = {'classes': CLASSES}
    assert evaluator.offline_evaluate(samples) == live


@pytest.mark.parametrize(
    ('kwargs', 'error', 'message'),
    [
        ({'metric': 'keypoints'}, ValueError, r"metric 'keypoints' is not known; set val_evaluator.metric"),
        ({'metric': []}, ValueError, r'metric \[\] is not known'),
        ({'format_only': True}, ValueError, r'outfile_prefix=PATH/PREFIX'),
        ({'ann_file': 'no/such.json'}, FileNotFoundError, r'no/such\.json; set val_evaluator\.ann_file'),
        ({'file_client_args': {}}, TypeError, r'file_client_args'),
    ],
)
def test_a_wrong_argument_is_one_line(metric_type, ann_file, kwargs, error, message):
    with pytest.raises(error, match=message) as raised:
        METRICS.get(metric_type)(**{'ann_file': ann_file, **kwargs})
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (['class 1', 'dog'], r"names 'dog', not among the 6 categories of .*val\.json;.*val_evaluator\.ann_file"),
        (None, r'metainfo=dict\(classes'),
    ],
)
def test_classes_that_do_not_fit_are_told_at_the_first_batch(metric_type, detections, ann_file, classes, message):
    metric = METRICS.get(metric_type)(ann_file)
    metric.dataset_meta = {'classes': classes}
    with pytest.raises(ValueError, match=message):
        metric.process(None, [as_data_sample(detections[0]).to_dict()])


def test_two_processes_give_the_numbers_of_one(two_processes, metric_type, random_gt, detections, ann_file):
    seen = detections[:11]
    results = results_of_two(two_processes, seen, ann_file, type=metric_type, metric=['bbox', 'segm'])
    assert results == expected(random_gt, seen)
