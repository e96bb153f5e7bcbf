"""The numbers of the lvis API, from json and from a pickle, and one line for each mistake."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch

from longtail_det.cli import eval as eval_command
from longtail_det.compat.lvis_api import import_lvis
from longtail_det.metrics import LVISAPIMetric

from .conftest import ROOT

SIZE, GROUPS = 120, 'rrccff'
CATEGORY_IDS = [3, 5, 8, 9, 12, 40]


def polygon(box):
    x, y, w, h = box
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def rle(box):
    encoded = mask_utils.merge(mask_utils.frPyObjects(polygon(box), SIZE, SIZE))
    return {**encoded, 'counts': encoded['counts'].decode()}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Ten images of six classes under the federated rules, and detections: right ones, shifted ones, noise, ties."""
    rng = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp('data')
    images, annotations, predictions = [], [], []
    for img_id in range(1, 11):
        ids = rng.permutation(CATEGORY_IDS).tolist()
        images.append(
            {
                'id': img_id,
                'height': SIZE,
                'width': SIZE,
                'neg_category_ids': ids[:2],
                'not_exhaustive_category_ids': ids[2:3],
            }
        )
        boxes, labels = [], []
        for _ in range(rng.integers(1, 6)):
            x, y, w, h = (float(v) for v in rng.integers(5, 55, 4))
            category_id = int(rng.choice(CATEGORY_IDS))
            annotations.append(
                {
                    'id': len(annotations) + 1,
                    'image_id': img_id,
                    'category_id': category_id,
                    'bbox': [x, y, w, h],
                    'area': w * h,
                    'segmentation': polygon([x, y, w, h]),
                }
            )
            for _ in range(2):
                boxes.append(np.array([x, y, w, h]) + rng.integers(-4, 5, 4))
                labels.append(CATEGORY_IDS.index(category_id) if rng.uniform() < 0.7 else int(rng.integers(6)))
        boxes = np.maximum(np.array(boxes), 1)
        predictions.append(
            {
                'img_id': img_id,
                'pred_instances': {
                    'bboxes': torch.tensor(np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), dtype=torch.float32),
                    'scores': torch.tensor(rng.uniform(0, 1, len(boxes)).round(1), dtype=torch.float32),
                    'labels': torch.tensor(labels),
                    'masks': [rle(box) for box in boxes],
                },
            }
        )
    categories = [{'id': c, 'name': f'class {c}', 'frequency': g} for c, g in zip(CATEGORY_IDS, GROUPS, strict=True)]
    gt = {'images': images, 'annotations': annotations, 'categories': categories}
    (folder / 'gt.json').write_text(json.dumps(gt))
    (folder / 'results.pkl').write_bytes(pickle.dumps(predictions))
    records = [
        {
            'image_id': image['img_id'],
            'category_id': CATEGORY_IDS[label],
            'score': score,
            'bbox': box,
            'segmentation': m,
        }
        for image in predictions
        for label, score, box, m in zip(
            image['pred_instances']['labels'].tolist(),
            image['pred_instances']['scores'].tolist(),
            [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in image['pred_instances']['bboxes'].tolist()],
            image['pred_instances']['masks'],
            strict=True,
        )
    ]
    (folder / 'results.json').write_text(json.dumps(records))
    return folder, predictions, records


def run(folder, out, results='results.json', *flags):
    args = ['--ann', folder / 'gt.json', '--results', folder / results, '--out', out, *flags]
    assert eval_command.main([str(arg) for arg in args]) == 0
    return json.loads(out.read_text())


def error_line(capsys, *args) -> str:
    assert eval_command.main([str(arg) for arg in args]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if ': error: ' in line]
    assert len(lines) == 1
    return lines[0]


def test_the_numbers_are_those_of_the_lvis_api(data, tmp_path):
    folder, predictions, _ = data
    metric = LVISAPIMetric(str(folder / 'gt.json'), metric=['bbox', 'segm'], classwise=True)
    metric.dataset_meta = {'classes': [f'class {c}' for c in CATEGORY_IDS]}
    metric.process(None, predictions)
    expected = metric.evaluate(len(predictions))
    table = tmp_path / 'deep' / 'classes.csv'
    found = run(folder, tmp_path / 'm.json', 'results.json', '--metric', 'bbox', 'segm', '--classwise', table)
    for name, values in found.items():
        assert 0 < values['AP'] < 1
        for key, value in values.items():
            assert value == expected[f'lvis/{name}_{key}'], (name, key)
    assert found['bbox'].keys() == {
        key.removeprefix('lvis/bbox_') for key in expected if 'bbox_' in key and '/cl' not in key
    }
    with table.open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row['category_id']) for row in rows] == CATEGORY_IDS
    assert [row['group'] for row in rows] == list(GROUPS)
    for row in rows:
        for name in ('bbox', 'segm'):
            value = expected[f'lvis/{name}_AP/{row["name"]}']
            assert row[f'{name}_AP'] == ('' if value < 0 else repr(value))


def test_masks_sized_by_their_boxes_give_what_the_api_gives_for_the_file_as_it_is(data, tmp_path):
    folder, predictions, records = data
    _, evaluator_class, _ = import_lvis()
    # boxes of twice the side, so that it shows which of the two areas counts
    wide = [{**record, 'bbox': [*record['bbox'][:2], *(2 * side for side in record['bbox'][2:])]} for record in records]
    images = pickle.loads(pickle.dumps(predictions))
    for image in images:
        boxes = image['pred_instances']['bboxes']
        boxes[:, 2:] += boxes[:, 2:] - boxes[:, :2]
    (tmp_path / 'gt.json').write_text((folder / 'gt.json').read_text())
    (tmp_path / 'wide.json').write_text(json.dumps(wide))
    (tmp_path / 'wide.pkl').write_bytes(pickle.dumps(images))
    evaluator = evaluator_class(str(tmp_path / 'gt.json'), str(tmp_path / 'wide.json'), 'segm')
    evaluator.run()
    own = run(tmp_path, tmp_path / 'own.json', 'wide.json', '--metric', 'segm')
    for results in ('wide.json', 'wide.pkl'):
        found = run(tmp_path, tmp_path / 'm.json', results, '--metric', 'segm', '--segm-area', 'bbox')
        assert found['segm'] == dict(evaluator.get_results())
        assert found != own


def test_scoring_needs_no_mmdet(data, tmp_path):
    code = "import sys; sys.modules |= dict.fromkeys(('mmengine', 'mmcv', 'mmdet')); "
    code += 'from longtail_det.cli import main; sys.exit(main(sys.argv[1:]))'
    flags = ['--ann', data[0] / 'gt.json', '--metric', 'bbox', 'segm']
    expected = run(data[0], tmp_path / 'm.json', 'results.json', '--metric', 'bbox', 'segm')
    for results in ('results.json', 'results.pkl'):
        command = [
            sys.executable,
            '-c',
            code,
            'eval',
            *flags,
            '--results',
            data[0] / results,
            '--out',
            tmp_path / results,
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / results).read_text()) == expected


def test_pickle_and_json_give_the_same(data, tmp_path):
    folder = data[0]
    flags = ['--metric', 'bbox', 'segm', 'boundary', '--mode', 'default', 'fixed', 'pool']
    from_json = run(folder, tmp_path / 'a.json', 'results.json', *flags)
    assert from_json == run(folder, tmp_path / 'b.json', 'results.pkl', *flags)
    assert set(from_json) == {
        f'{metric}{mode}' for metric in ('bbox', 'segm', 'boundary') for mode in ('', '_fixed', '_pool')
    }


def test_a_pickle_says_which_category_a_label_is(data, tmp_path):
    folder, predictions, _ = data
    order = [5, 3, 1, 0, 2, 4]
    shuffled = []
    for image in predictions:
        labels = torch.tensor([order.index(label) for label in image['pred_instances']['labels'].tolist()])
        shuffled.append(
            {
                **image,
                'pred_instances': {**image['pred_instances'], 'labels': labels},
                'category_ids': tuple(CATEGORY_IDS[c] for c in order),
            }
        )
    (tmp_path / 'gt.json').write_text((folder / 'gt.json').read_text())
    (tmp_path / 'shuffled.pkl').write_bytes(pickle.dumps(shuffled))
    assert run(tmp_path, tmp_path / 'a.json', 'shuffled.pkl') == run(folder, tmp_path / 'b.json')


@pytest.mark.parametrize('text', ['[2, 4, 6]', '2\n4\n6\n'])
def test_a_subset_of_images_equals_a_pickle_of_these_images(data, tmp_path, text):
    folder, predictions, _ = data
    (tmp_path / 'ids.txt').write_text(text)
    (tmp_path / 'gt.json').write_text((folder / 'gt.json').read_text())
    (tmp_path / 'some.pkl').write_bytes(pickle.dumps([image for image in predictions if image['img_id'] in (2, 4, 6)]))
    subset = run(folder, tmp_path / 'a.json', 'results.json', '--img-ids', tmp_path / 'ids.txt')
    assert subset == run(tmp_path, tmp_path / 'b.json', 'some.pkl')
    assert subset != run(folder, tmp_path / 'c.json')


def test_no_detection_at_all_is_an_ap_of_zero(data, tmp_path):
    (tmp_path / 'gt.json').write_text((data[0] / 'gt.json').read_text())
    (tmp_path / 'none.json').write_text('[]')
    assert run(tmp_path, tmp_path / 'a.json', 'none.json')['bbox']['AP'] == 0


def test_groups_can_come_from_the_training_set(data, tmp_path):
    folder = data[0]
    gt = json.loads((folder / 'gt.json').read_text())
    names = [category['name'] for category in gt['categories']]
    count = [5, 5, 50, 50, 500, 500]
    (tmp_path / 'stats.json').write_text(
        json.dumps({'image_count': count, 'instance_count': count, 'num_images': 900, 'names': names})
    )
    for category in gt['categories']:
        del category['frequency']
    (tmp_path / 'gt.json').write_text(json.dumps(gt))
    (tmp_path / 'results.json').write_text((folder / 'results.json').read_text())
    assert 'APr' not in run(tmp_path, tmp_path / 'a.json')['bbox']
    given = run(tmp_path, tmp_path / 'b.json', 'results.json', '--class-statistics', tmp_path / 'stats.json')
    assert given == run(folder, tmp_path / 'c.json')


def test_intervals_stand_beside_the_numbers(data, tmp_path, capsys):
    plain = run(data[0], tmp_path / 'a.json', 'results.json', '--mode', 'default', 'fixed')
    capsys.readouterr()
    found = run(data[0], tmp_path / 'b.json', 'results.json', '--mode', 'default', 'fixed', '--intervals', '30')
    ends = {key: value for key, value in found['bbox'].items() if key.endswith(('_low', '_high'))}
    assert ends.keys() == {f'AP{group}_{end}' for group in ('', 'r', 'c', 'f') for end in ('low', 'high')}
    assert {key: value for key, value in found['bbox'].items() if key not in ends} == plain['bbox']
    assert found['bbox_fixed'] == plain['bbox_fixed']
    assert ends['AP_low'] < plain['bbox']['AP'] < ends['AP_high']
    line = capsys.readouterr().out.splitlines()[-4]
    cells = [100 * value for value in (plain['bbox']['AP'], ends['AP_low'], ends['AP_high'])]
    assert line == 'bbox AP    {:.1f} [{:.1f}, {:.1f}]'.format(*cells)


def test_errors_stand_beside_the_numbers(data, tmp_path, capsys):
    flags = ['--metric', 'bbox', 'segm', '--errors', '--classwise', tmp_path / 'classes.csv']
    found = run(data[0], tmp_path / 'a.json', 'results.json', *flags)
    for metric in ('bbox', 'segm'):
        assert found['errors'][metric]['errors']['all']['classification'] > 0
        assert found['errors'][metric]['AP50_lost']['all']['classification'] > 0
    assert 'bbox: AP50 lost by kind of error, in points\nerror' in capsys.readouterr().out
    with (tmp_path / 'classes.csv').open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    values = [float(row['segm_oLRP']) for row in rows if row['segm_oLRP']]
    assert np.mean(values) == pytest.approx(found['errors']['segm']['LRP']['all']['lrp'])
    assert all(0 < float(row['bbox_threshold']) <= 1 for row in rows if row['bbox_threshold'])


def without(key):
    def damage(record):
        del record[key]

    return damage


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (without('score'), "result record 7 has no 'score'"),
        (lambda record: record.update(bbox=[1, 2, 3]), 'result record 7: bbox is [1, 2, 3]; expected four'),
        (lambda record: record.update(score=float('nan')), 'result record 7: score is nan; expected a finite number'),
        (lambda record: record.update(segmentation=[[1, 2, 3]]), 'result record 7: segmentation is'),
        (lambda record: record.update(category_id='cat'), "result record 7: category_id is 'cat'"),
        (lambda record: record.update(image_id=999), 'image id 999'),
    ],
)
def test_a_malformed_record_is_named_by_its_index(data, tmp_path, capsys, damage, message):
    records = json.loads(json.dumps(data[2]))
    damage(records[7])
    (tmp_path / 'r.json').write_text(json.dumps(records))
    args = ['--ann', data[0] / 'gt.json', '--results', tmp_path / 'r.json', '--metric', 'bbox', 'segm']
    assert message in error_line(capsys, *args)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (without('pred_instances'), 'predicted image 2 has no img_id or no pred_instances'),
        (lambda image: image['pred_instances'].pop('labels'), "predicted image 2 has no 'labels'"),
        (lambda image: image['pred_instances']['labels'].fill_(6), 'predicted image 2 has a predicted label 6'),
        (lambda image: image['pred_instances']['scores'].fill_(float('inf')), 'predicted image 2 has a score or a box'),
        (lambda image: image['pred_instances']['masks'].pop(), 'predicted image 2 has'),
        (
            lambda image: image['pred_instances']['masks'].__setitem__(0, 7),
            'predicted image 2 has a mask 7; expected an RLE',
        ),
        (
            lambda image: image['pred_instances']['masks'][0].update(counts=b'132132'),
            "'counts': b'132132'}; expected an RLE with size [height, width] and counts that add up to it",
        ),
        (
            lambda image: image['pred_instances']['masks'][0].update(size=[2**40, 2**40]),
            "predicted image 2 has a mask {'size': [1099511627776",
        ),
        (lambda image: image['pred_instances'].update(masks=7), 'predicted image 2 has masks of type int'),
        (lambda image: image['pred_instances'].update(labels='text'), 'predicted image 2 has labels of dtype <U4'),
        (
            lambda image: image['pred_instances'].update(bboxes=[[1], [1, 2]]),
            'predicted image 2 has bboxes that are no array',
        ),
        (lambda image: image['pred_instances'].update(scores=[None]), 'predicted image 2 has scores of dtype object'),
        (lambda image: image.update(img_id=2**70), 'predicted image 2 has no img_id'),
    ],
)
def test_a_malformed_image_of_a_pickle_is_named_by_its_index(data, tmp_path, capsys, damage, message):
    images = pickle.loads(pickle.dumps(data[1]))
    damage(images[2])
    (tmp_path / 'r.pkl').write_bytes(pickle.dumps(images))
    assert message in error_line(capsys, '--ann', data[0] / 'gt.json', '--results', tmp_path / 'r.pkl')


@pytest.mark.parametrize('number', [1, 400])
def test_detections_of_unknown_categories_are_refused(data, tmp_path, capsys, number):
    """They would count for nothing: AP 0 where all are unknown, and a little less than it should where one is."""
    folder = data[0]
    records = json.loads((folder / 'results.json').read_text())
    for record in records[:number]:
        record['category_id'] += 1000
    (tmp_path / 'r.json').write_text(json.dumps(records))
    line = error_line(capsys, '--ann', folder / 'gt.json', '--results', tmp_path / 'r.json')
    assert f'r.json holds {min(number, len(records))} of {len(records)} detections of' in line
    assert 'categories that the annotation file does not have (10' in line


@pytest.mark.parametrize('option', ['--out', '--classwise'])
def test_a_file_that_cannot_be_written_is_told_before_the_evaluation(data, option, tmp_path, capsys):
    (tmp_path / 'file').touch()
    args = ['--ann', data[0] / 'gt.json', '--results', data[0] / 'results.json', option, tmp_path / 'file/x']
    assert 'file is no folder; give another place' in error_line(capsys, *args)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('r.json', '[{"image_id": 1', 'r.json is not valid json'),
        ('r.json', '{"bbox": 1}', 'r.json cannot be used: it holds a dict; expected a list of result records'),
        ('r.pkl', 'text', 'r.pkl is no pickle, or was cut short'),
        ('r.txt', '', 'expected a file that ends in .json, .npz, .pkl or .pickle'),
        ('other', '', 'results file not found'),
    ],
)
def test_a_file_of_something_else_is_one_line(data, tmp_path, capsys, name, content, message):
    if name != 'other':
        (tmp_path / name).write_text(content)
    assert message in error_line(capsys, '--ann', data[0] / 'gt.json', '--results', tmp_path / name)


def test_other_mistakes_are_one_line(data, tmp_path, capsys):
    folder, predictions, _ = data
    base = ['--ann', folder / 'gt.json', '--results', folder / 'results.json']
    (tmp_path / 'ids').write_text('1 two')
    assert 'expected a json list of image ids, or one a line' in error_line(
        capsys, *base, '--img-ids', tmp_path / 'ids'
    )
    assert '--intervals belongs to --mode default' in error_line(capsys, *base, '--mode', 'pool', '--intervals')
    assert '0 resamples give no interval' in error_line(capsys, *base, '--intervals', '0')
    assert "invalid choice: 'mask'" in error_line(capsys, *base, '--metric', 'mask')
    assert 'annotation file not found' in error_line(capsys, '--ann', 'none.json', '--results', base[3])
    boxes = [
        {**image, 'pred_instances': {k: v for k, v in image['pred_instances'].items() if k != 'masks'}}
        for image in predictions
    ]
    (tmp_path / 'boxes.pkl').write_bytes(pickle.dumps(boxes))
    assert '--metric segm needs masks' in error_line(
        capsys, *base[:2], '--results', tmp_path / 'boxes.pkl', '--metric', 'segm'
    )
