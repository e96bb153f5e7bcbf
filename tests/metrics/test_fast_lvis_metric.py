"""What FastLVISMetric has beyond the tests of every metric (test_every_metric.py)."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from longtail_det.evaluation.diagnosis import resample_detections
from longtail_det.evaluation.lvis import detection_columns, evaluate_detections, ground_truth_table, match_detections
from longtail_det.metrics import FastLVISMetric, detection_records
from longtail_det.models.mask_heads import EncodedMasks

from .streams import CLASSES, as_data_sample, expected, results_of_two


@pytest.fixture
def metric_type() -> str:
    return 'FastLVISMetric'


@pytest.mark.parametrize('waiting', [1, 5, 64])
def test_streams_of_any_size_give_what_one_shot_gives(run, random_gt, detections, ann_file, monkeypatch, waiting):
    monkeypatch.setattr('longtail_det.metrics.fast_lvis_metric._PENDING_IMAGES', waiting)
    modes, metrics = ['default', 'fixed', 'pool'], ['bbox', 'segm', 'boundary']
    shuffled = [detections[i] for i in np.random.default_rng(0).permutation(len(detections))]
    results = run(shuffled, ann_file=ann_file, metric=metrics, mode=modes, classwise=True)
    one_shot = {}
    for metric in metrics:
        records = detection_records(detections, range(1, 7), 'bbox' if metric == 'bbox' else 'segm')
        one_shot.update(evaluate_detections(random_gt, records, [metric], modes=modes, classwise=True))
    assert results == {f'lvis/{name}_{key}': v for name, values in one_shot.items() for key, v in values.items()}


@pytest.mark.parametrize('waiting', [1, 5, 64])
def test_ties_at_the_cap_of_a_class_go_to_the_earlier_image_of_the_run(
    run, random_gt, detections, ann_file, monkeypatch, waiting
):
    module = 'longtail_det.metrics'
    monkeypatch.setattr(f'{module}.fast_lvis_metric._PENDING_IMAGES', waiting)
    monkeypatch.setattr('longtail_det.evaluation.lvis.parameters.MAX_CLASS_DETS', 9)
    modes = ['fixed', 'pool']
    shuffled = [detections[i] for i in np.random.default_rng(0).permutation(len(detections))]
    for image in shuffled:
        image['scores'] = image['scores'].round(1)
    results = run(shuffled, ann_file=ann_file, mode=modes)
    by_order = [
        evaluate_detections(random_gt, detection_records(images, range(1, 7), 'bbox'), modes=modes)
        for images in (shuffled, detections)
    ]
    assert by_order[0] != by_order[1]
    assert results == {f'lvis/{name}_{key}': v for name, values in by_order[0].items() for key, v in values.items()}


def test_masks_are_ranked_by_their_own_scores(random_gt, detections, ann_file):
    swapped = [{**image, 'scores': image['scores'][::-1].copy()} for image in detections]
    evaluator = Evaluator(FastLVISMetric(ann_file, ['bbox', 'segm']))
    evaluator.dataset_meta = {'classes': CLASSES}
    for image, other in zip(detections, swapped, strict=True):
        sample = as_data_sample(image)
        sample.pred_instances.mask_scores = torch.tensor(other['scores'])
        evaluator.process([sample])
    results = evaluator.evaluate(len(detections))
    boxes, masks = expected(random_gt, detections), expected(random_gt, swapped)
    assert results == {key: (boxes if 'bbox' in key else masks)[key] for key in boxes}


def test_an_image_is_reduced_to_twenty_bytes_a_detection(random_gt, detections, ann_file):
    metric = FastLVISMetric(ann_file, ['bbox', 'segm'])
    metric.dataset_meta = {'classes': CLASSES}
    metric.process(None, [as_data_sample(image).to_dict() for image in detections] * 6)
    metric._match_pending()
    for kept, image in zip(metric.results, detections, strict=True):
        # 8 bytes of a score, which is single precision in a model
        assert 0 < kept.matches['segm'].nbytes <= 26 * len(image['labels'])
        assert len(pickle.dumps(kept)) < 2500


def test_a_second_evaluation_starts_anew(random_gt, detections, ann_file):
    evaluator = Evaluator(FastLVISMetric(ann_file, ['bbox', 'segm']))
    evaluator.dataset_meta = {'classes': CLASSES}
    first, second = [
        evaluator.offline_evaluate([as_data_sample(image) for image in part]) for part in (detections, detections[:5])
    ]
    assert first == expected(random_gt, detections)
    assert second == expected(random_gt, detections[:5])


@pytest.mark.parametrize('names', [CLASSES[::-1], []])
def test_training_counts_tell_the_groups(run, random_gt, detections, tmp_path, names):
    """With names they are matched by name, without by position."""
    for category in random_gt['categories']:
        del category['frequency']
    (tmp_path / 'val.json').write_text(json.dumps(random_gt))
    counts = [7, 70, 700, 8, 80, 800]
    statistics = {'image_count': counts[::-1] if names else counts, 'instance_count': [900] * 6, 'num_images': 900}
    results = run(
        detections, ann_file=str(tmp_path / 'val.json'), class_statistics={**statistics, 'names': names}, classwise=True
    )
    rare = [results['lvis/bbox_AP/class 1'], results['lvis/bbox_AP/class 4']]
    assert results['lvis/bbox_APr'] == pytest.approx(np.mean(rare))
    assert results['lvis/bbox_APr'] != results['lvis/bbox_APc']


def test_training_counts_of_another_dataset_are_one_line(run, detections, ann_file):
    counts = {'image_count': [1], 'instance_count': [1], 'num_images': 1}
    for names, message in (([], 'of 1 unnamed classes, but 6'), (['dog'], "know nothing of class 'class 1'")):
        with pytest.raises(ValueError, match=message):
            run(detections, ann_file=ann_file, class_statistics={**counts, 'names': names})


def test_a_label_that_the_dataset_lacks_is_one_line(run, detections, ann_file):
    with pytest.raises(ValueError, match=r'image 1 has a predicted label 6, but the dataset has 6 classes; set the'):
        run([{**detections[0], 'labels': detections[0]['labels'] * 0 + 6}], ann_file=ann_file)


def test_encoded_masks_of_our_heads_score_like_full_ones(run, detections, ann_file):
    evaluator = Evaluator(FastLVISMetric(ann_file, ['bbox', 'segm', 'boundary'], ['default', 'fixed']))
    evaluator.dataset_meta = {'classes': CLASSES}
    for image in detections:
        sample = as_data_sample(image)
        counts = [mask['counts'].encode() for mask in image['masks']]
        sample.pred_instances.masks = EncodedMasks(counts, 160, 160)
        evaluator.process([sample])
    full = run(detections, ann_file=ann_file, metric=['bbox', 'segm', 'boundary'], mode=['default', 'fixed'])
    assert evaluator.evaluate(len(detections)) == full
    assert full['lvis/segm_AP'] > 0


def test_an_unknown_mode_is_one_line(ann_file):
    with pytest.raises(ValueError, match=r"^mode 'best' is not known; set val_evaluator\.mode[^\n]*$"):
        FastLVISMetric(ann_file, mode='best')


def test_metric_items_select_what_is_logged(run, detections, ann_file):
    given = dict(ann_file=ann_file, metric=['bbox', 'segm'], mode=['default', 'fixed'])
    everything = run(detections, **given, classwise=True)
    some = run(detections, **given, metric_items=['AP', 'APr', 'ARs@300'], classwise=True)
    kept = [key for key in everything if key.rsplit('_', 1)[-1] in ('AP', 'APr', 'ARs@300') or '_AP/' in key]
    assert some == {key: everything[key] for key in kept}
    assert set(run(detections, **given, metric_items='AR')) == {'lvis/bbox_fixed_AR', 'lvis/segm_fixed_AR'}


def test_metric_items_give_the_keys_and_values_of_mmdet(run, detections, ann_file):
    from mmdet.evaluation import LVISMetric

    items = ['AP', 'AP75', 'APl', 'APr', 'AR@300', 'ARm@300']
    evaluator = Evaluator(LVISMetric(ann_file, metric_items=items))
    evaluator.process([as_data_sample(image) for image in detections])
    theirs = evaluator.evaluate(len(detections))
    ours = run(detections, ann_file=ann_file, metric_items=items)
    assert {key: round(value, 3) for key, value in ours.items()} == theirs
    assert len(theirs) == len(items)


def test_intervals_of_ap_and_of_its_groups_are_those_of_the_detections(run, random_gt, detections, ann_file):
    results = run(detections, ann_file=ann_file, mode=['default', 'fixed'], intervals=40, metric_items=['AP', 'APr'])
    records = detection_columns(detection_records(detections, range(1, 7), 'bbox'))
    scored = match_detections(ground_truth_table(random_gt), records, 'bbox')
    expected = resample_detections(scored, 40).intervals()
    for key in ('AP', 'APr'):
        assert results[f'lvis/bbox_{key}_low'] == expected[key].low < results[f'lvis/bbox_{key}']
        assert results[f'lvis/bbox_{key}_high'] == expected[key].high > results[f'lvis/bbox_{key}']
    ends = {f'{key}{end}' for key in ('AP', 'APr') for end in ('', '_low', '_high')}
    fixed = {'lvis/bbox_fixed_AP', 'lvis/bbox_fixed_APr'}
    assert results.keys() == {f'lvis/bbox_{key}' for key in ends} | fixed


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'intervals': 1}, 'intervals=1; expected a whole number, at least 2'),
        ({'intervals': 9, 'mode': 'pool'}, "intervals=9 belong to mode 'default'"),
    ],
)
def test_intervals_that_cannot_be_given_are_one_line(ann_file, given, message):
    with pytest.raises(ValueError, match=message):
        FastLVISMetric(ann_file, **given)


def test_the_thresholds_of_lvis_may_be_given(ann_file):
    FastLVISMetric(ann_file, iou_thrs=[0.5 + 0.05 * step for step in range(10)])


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (
            dict(metric_items=['mAP']),
            r"metric_items 'mAP' is not known; set val_evaluator\.metric_items to one or more",
        ),
        (dict(metric_items='AR@300', mode='fixed'), r"metric_items 'AR@300' is not known; .*'ARl'\]"),
        (dict(iou_thrs=0.5), r"iou_thrs=\[0\.5\], but FastLVISMetric scores at .* metric_items=\['AP50', 'AP75'\]"),
        (dict(metric='proposal'), r"metric 'proposal' asks for .* dict\(type='LVISMetric', metric='proposal'\)"),
        (dict(metric=['bbox', 'proposal_fast']), r"dict\(type='LVISMetric', metric='proposal_fast'\)"),
        (
            dict(proposal_nums=(100, 300)),
            r"proposal_nums=\[100, 300\] asks for .* dict\(type='LVISMetric', metric='prop",
        ),
    ],
)
def test_what_only_the_metric_of_mmdet_does_is_one_line(ann_file, given, message):
    with pytest.raises(ValueError, match=message) as error:
        FastLVISMetric(ann_file, **given)
    assert '\n' not in str(error.value)


def test_two_processes_give_every_mode_and_one_file_of_results(
    two_processes, random_gt, detections, ann_file, tmp_path
):
    seen, metrics = detections[:11], ['bbox', 'segm']
    results = results_of_two(
        two_processes,
        seen,
        ann_file,
        type='FastLVISMetric',
        metric=metrics,
        mode=['default', 'fixed'],
        outfile_prefix=str(tmp_path / 'out'),
    )
    assert {key: v for key, v in results.items() if '_fixed_' not in key} == expected(random_gt, seen)
    for metric in metrics:
        records = detection_records(seen, range(1, 7), metric)
        fixed = evaluate_detections(
            random_gt, records, [metric], modes=['fixed'], img_ids=[image['img_id'] for image in seen]
        )[f'{metric}_fixed']
        assert {key: results[f'lvis/{metric}_fixed_{key}'] for key in fixed} == fixed
        written = json.loads((tmp_path / f'out.{metric}.json').read_text())
        assert written == records  # in the order that one process gives
    assert not list(tmp_path.glob('*.part'))
