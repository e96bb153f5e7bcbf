from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from mmdet.registry import METRICS
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData

from longtail_det.evaluation import FastLVISMetric, evaluate_detections, evaluate_lvis_api
from longtail_det.evaluation.functional import detection_records

CLASSES = [f'class {c}' for c in range(1, 7)]


def as_data_sample(image: dict[str, Any]) -> DetDataSample:
    """What mmdet's Mask R-CNN gives in testing: tensors, masks as a bool stack."""
    masks = [mask_utils.decode(rle) for rle in image['masks']]
    instances = InstanceData(
        bboxes=torch.tensor(image['bboxes']),
        scores=torch.tensor(image['scores']),
        labels=torch.tensor(image['labels']),
        masks=torch.tensor(np.array(masks).reshape(-1, 160, 160), dtype=torch.bool),
    )
    return DetDataSample(metainfo={'img_id': image['img_id'], 'ori_shape': (160, 160)}, pred_instances=instances)


@pytest.fixture
def ann_file(tmp_path: Path, random_gt: dict[str, Any]) -> str:
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(random_gt))
    return str(path)


@pytest.fixture
def detections(random_gt, as_detections) -> list[dict[str, Any]]:
    return as_detections(random_gt, jitter=6, confusion=0.3, noise=8)


def run(detections: list[dict[str, Any]], classes: list[str] = CLASSES, **metric: Any) -> dict[str, float]:
    """Two images a batch through mmengine's evaluator."""
    evaluator = Evaluator(METRICS.build({'type': 'FastLVISMetric', **metric}))
    evaluator.dataset_meta = {'classes': classes}
    samples = [as_data_sample(image) for image in detections]
    for start in range(0, len(samples), 2):
        evaluator.process(samples[start : start + 2])
    return evaluator.evaluate(len(samples))


def expected(gt: dict[str, Any], detections: list[dict[str, Any]], prefix: str = 'lvis') -> dict[str, float]:
    return {
        f'{prefix}/{metric}_{key}': value
        for metric in ('bbox', 'segm')
        for key, value in evaluate_lvis_api(
            gt, detection_records(detections, range(1, 7), metric), metric, [image['img_id'] for image in detections]
        ).items()
    }


@pytest.fixture
def log() -> Callable[[], str]:
    """Text that went to mmengine's current logger."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel('INFO')
    yield lambda: '\n'.join(lines)
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_the_evaluator_gives_what_the_function_gives(random_gt, detections, ann_file):
    results = run(detections, ann_file=ann_file, metric=['bbox', 'segm'])
    assert results == expected(random_gt, detections)
    assert all(type(value) is float for value in results.values())


def test_only_images_that_were_seen_are_scored(random_gt, detections, ann_file):
    results = run(detections[2:7], ann_file=ann_file, metric=['bbox', 'segm'])
    assert results == expected(random_gt, detections[2:7])
    assert results != expected(random_gt, detections)


def test_an_image_that_is_there_twice_counts_once(random_gt, detections, ann_file):
    assert run([*detections, *detections[:3]], ann_file=ann_file, metric=['bbox', 'segm']) == expected(
        random_gt, detections
    )


def test_labels_follow_the_class_names_of_the_data_set(random_gt, detections, ann_file):
    flipped = [{**image, 'labels': 5 - image['labels']} for image in detections]
    assert run(flipped, CLASSES[::-1], ann_file=ann_file) == run(detections, ann_file=ann_file)


def test_a_restricted_data_set_is_scored_on_its_classes(random_gt, detections, ann_file):
    kept = [
        {
            **{key: np.asarray(image[key])[image['labels'] == 3] for key in ('bboxes', 'scores', 'labels')},
            'img_id': image['img_id'],
            'masks': [m for m, label in zip(image['masks'], image['labels'], strict=True) if label == 3],
        }
        for image in detections
    ]
    relabelled = [{**image, 'labels': np.zeros_like(image['labels'])} for image in kept]
    whole = run(detections, ann_file=ann_file, classwise=True)
    part = run(relabelled, ['class 4'], ann_file=ann_file, classwise=True)
    assert part['lvis/bbox_AP'] == part['lvis/bbox_AP/class 4'] == whole['lvis/bbox_AP/class 4'] > 0
    assert (part['lvis/bbox_APc'], part['lvis/bbox_APr']) == (part['lvis/bbox_AP'], -1)


def test_no_detection_at_all_scores_zero(detections, ann_file):
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


@pytest.mark.parametrize('waiting', [1, 5, 64])
def test_streams_of_any_size_give_what_one_shot_gives(random_gt, detections, ann_file, monkeypatch, waiting):
    monkeypatch.setattr('longtail_det.evaluation.metrics.fast_lvis_metric._PENDING_IMAGES', waiting)
    modes, metrics = ['default', 'fixed', 'pool'], ['bbox', 'segm', 'boundary']
    shuffled = [detections[i] for i in np.random.default_rng(0).permutation(len(detections))]
    results = run(shuffled, ann_file=ann_file, metric=metrics, mode=modes, classwise=True)
    one_shot = {}
    for metric in metrics:
        records = detection_records(detections, range(1, 7), 'bbox' if metric == 'bbox' else 'segm')
        one_shot.update(evaluate_detections(random_gt, records, [metric], modes=modes, classwise=True))
    assert results == {f'lvis/{name}_{key}': v for name, values in one_shot.items() for key, v in values.items()}


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
def test_training_counts_tell_the_groups(random_gt, detections, tmp_path, names):
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


def test_training_counts_of_another_data_set_are_one_line(detections, ann_file):
    counts = {'image_count': [1], 'instance_count': [1], 'num_images': 1}
    for names, message in (([], 'of 1 classes, but the data set has 6'), (['dog'], "know nothing of class 'class 1'")):
        with pytest.raises(ValueError, match=message):
            run(detections, ann_file=ann_file, class_statistics={**counts, 'names': names})


def test_a_label_that_the_data_set_lacks_is_one_line(detections, ann_file):
    with pytest.raises(ValueError, match=r'image 1 has a predicted label 6, but the data set has 6 classes; set the'):
        run([{**detections[0], 'labels': detections[0]['labels'] * 0 + 6}], ann_file=ann_file)


def test_the_log_ends_in_the_table(detections, ann_file, log):
    results = run(detections, ann_file=ann_file, metric=['segm', 'bbox'], prefix='mine')
    header, segm, bbox = log().splitlines()[-3:]
    assert header.replace(' ', '') == 'metric|AP|AP50|AP75|APs|APm|APl|APr|APc|APf'
    assert segm.startswith(f'segm   | {100 * results["mine/segm_AP"]:.1f}')
    assert bbox.endswith(f'{100 * results["mine/bbox_APf"]:.1f}')


def test_the_log_says_what_a_coco_file_lacks(make_gt, as_detections, tmp_path, log):
    gt = make_gt([(1, 1, [10.0, 10.0, 50.0, 40.0])], federated=False)
    (tmp_path / 'coco.json').write_text(json.dumps(gt))
    results = run(as_detections(gt), CLASSES[:3], ann_file=str(tmp_path / 'coco.json'))
    assert 'lvis/bbox_APr' not in results
    assert 'every class that an image does not show is negative' in log()
    assert 'no APr, APc, APf' in log()


def test_results_files_are_those_that_lvis_reads(random_gt, detections, ann_file, tmp_path):
    prefix = tmp_path / 'new folder' / 'run'
    run(detections, ann_file=ann_file, metric=['bbox', 'segm'], outfile_prefix=str(prefix))
    for metric in ('bbox', 'segm'):
        records = json.loads(Path(f'{prefix}.{metric}.json').read_text())
        assert records == detection_records(detections, range(1, 7), metric)


def test_format_only_writes_and_scores_nothing(random_gt, detections, tmp_path):
    del random_gt['annotations']
    (tmp_path / 'test.json').write_text(json.dumps(random_gt))
    results = run(
        detections, ann_file=str(tmp_path / 'test.json'), format_only=True, outfile_prefix=str(tmp_path / 'out')
    )
    assert results == {}
    assert len(json.loads((tmp_path / 'out.bbox.json').read_text())) == sum(len(d['labels']) for d in detections)


def test_dumped_predictions_score_like_live_ones(detections, ann_file):
    live = run(detections, ann_file=ann_file, metric='segm')
    samples = [as_data_sample(image).to_dict() for image in detections]
    for sample, image in zip(samples, detections, strict=True):
        sample['pred_instances']['masks'] = [{**m, 'counts': m['counts'].encode()} for m in image['masks']]
    evaluator = Evaluator(FastLVISMetric(ann_file, 'segm'))
    evaluator.dataset_meta = {'classes': CLASSES}
    assert evaluator.offline_evaluate(samples) == live


@pytest.mark.parametrize(
    ('kwargs', 'error', 'message'),
    [
        ({'metric': 'proposal'}, ValueError, r"metric 'proposal' is not known; set val_evaluator.metric"),
        ({'metric': []}, ValueError, r'metric \[\] is not known'),
        ({'mode': 'best'}, ValueError, r"mode 'best' is not known; set val_evaluator.mode"),
        ({'format_only': True}, ValueError, r'outfile_prefix=PATH/PREFIX'),
        ({'ann_file': 'no/such.json'}, FileNotFoundError, r'no/such\.json; set val_evaluator\.ann_file'),
        ({'proposal_nums': (100,)}, TypeError, r'proposal_nums'),
    ],
)
def test_a_wrong_argument_is_one_line(ann_file, kwargs, error, message):
    with pytest.raises(error, match=message) as raised:
        FastLVISMetric(**{'ann_file': ann_file, **kwargs})
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    ('classes', 'message'), [(['class 1', 'dog'], "first 'dog'"), (None, r'metainfo=dict\(classes')]
)
def test_classes_that_do_not_fit_are_told_at_the_first_batch(detections, ann_file, classes, message):
    metric = FastLVISMetric(ann_file)
    metric.dataset_meta = {'classes': classes}
    with pytest.raises(ValueError, match=message):
        metric.process(None, [as_data_sample(detections[0]).to_dict()])


WORKER = """
import json, pickle, sys
import torch.distributed as dist
import longtail_det
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from longtail_det.evaluation import FastLVISMetric

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group('gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2)
samples = pickle.load(open(f'{folder}/samples.pkl', 'rb'))
evaluator = Evaluator(FastLVISMetric(
    f'{folder}/val.json', ['bbox', 'segm'], ['default', 'fixed'], outfile_prefix=f'{folder}/out'
))
evaluator.dataset_meta = {'classes': [f'class {c}' for c in range(1, 7)]}
indices = list(DefaultSampler(samples, shuffle=False))
evaluator.process([samples[i] for i in indices])
json.dump([indices, evaluator.evaluate(len(samples))], open(f'{folder}/rank{rank}.json', 'w'))
dist.destroy_process_group()
"""


def test_two_processes_give_the_numbers_of_one(random_gt, detections, ann_file, tmp_path):
    """11 images on 2 ranks: the sampler repeats the first one."""
    (tmp_path / 'samples.pkl').write_bytes(pickle.dumps([as_data_sample(d).to_dict() for d in detections[:11]]))
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': os.pathsep.join(sys.path)}
    ranks = [
        subprocess.Popen([sys.executable, '-c', WORKER, str(rank), str(tmp_path)], cwd=tmp_path, env=env)
        for rank in (0, 1)
    ]
    assert [process.wait(timeout=120) for process in ranks] == [0, 0]
    (seen0, results0), (seen1, results1) = (json.loads((tmp_path / f'rank{r}.json').read_text()) for r in (0, 1))
    assert len(seen0) + len(seen1) == 12
    assert set(seen0) & set(seen1) == {0}
    assert results0 == results1
    assert {key: v for key, v in results0.items() if '_fixed_' not in key} == expected(random_gt, detections[:11])
    for metric in ('bbox', 'segm'):
        records = detection_records(detections[:11], range(1, 7), metric)
        fixed = evaluate_detections(
            random_gt, records, [metric], modes=['fixed'], img_ids=[image['img_id'] for image in detections[:11]]
        )[f'{metric}_fixed']
        assert {key: results0[f'lvis/{metric}_fixed_{key}'] for key in fixed} == fixed
        written = json.loads((tmp_path / f'out.{metric}.json').read_text())
        assert sorted(map(json.dumps, written)) == sorted(map(json.dumps, records))
    assert not list(tmp_path.glob('*.part'))
