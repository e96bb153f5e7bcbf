"""The numbers of the lvis API, from json and from a pickle."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from longtail_det.compat.lvis_api import import_lvis
from longtail_det.metrics import LVISAPIMetric

from .conftest import ROOT
from .eval_cases import CATEGORY_IDS, GROUPS, run


def test_the_numbers_are_those_of_the_lvis_api(eval_case, tmp_path):
    folder, predictions, _ = eval_case
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


def test_masks_sized_by_their_boxes_give_what_the_api_gives_for_the_file_as_it_is(eval_case, tmp_path):
    folder, predictions, records = eval_case
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


def test_scoring_needs_no_mmdet(eval_case, tmp_path):
    code = "import sys; sys.modules |= dict.fromkeys(('mmengine', 'mmcv', 'mmdet')); "
    code += 'from longtail_det.cli import main; sys.exit(main(sys.argv[1:]))'
    flags = ['--ann', eval_case[0] / 'gt.json', '--metric', 'bbox', 'segm']
    expected = run(eval_case[0], tmp_path / 'm.json', 'results.json', '--metric', 'bbox', 'segm')
    for results in ('results.json', 'results.pkl'):
        command = [
            sys.executable,
            '-c',
            code,
            'eval',
            *flags,
            '--results',
            eval_case[0] / results,
            '--out',
            tmp_path / results,
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / results).read_text()) == expected


def test_pickle_and_json_give_the_same(eval_case, tmp_path):
    folder = eval_case[0]
    flags = ['--metric', 'bbox', 'segm', 'boundary', '--mode', 'default', 'fixed', 'pool']
    from_json = run(folder, tmp_path / 'a.json', 'results.json', *flags)
    assert from_json == run(folder, tmp_path / 'b.json', 'results.pkl', *flags)
    assert set(from_json) == {
        f'{metric}{mode}' for metric in ('bbox', 'segm', 'boundary') for mode in ('', '_fixed', '_pool')
    }


def test_a_pickle_says_which_category_a_label_is(eval_case, tmp_path):
    folder, predictions, _ = eval_case
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
def test_a_subset_of_images_equals_a_pickle_of_these_images(eval_case, tmp_path, text):
    folder, predictions, _ = eval_case
    (tmp_path / 'ids.txt').write_text(text)
    (tmp_path / 'gt.json').write_text((folder / 'gt.json').read_text())
    (tmp_path / 'some.pkl').write_bytes(pickle.dumps([image for image in predictions if image['img_id'] in (2, 4, 6)]))
    subset = run(folder, tmp_path / 'a.json', 'results.json', '--img-ids', tmp_path / 'ids.txt')
    assert subset == run(tmp_path, tmp_path / 'b.json', 'some.pkl')
    assert subset != run(folder, tmp_path / 'c.json')


def test_no_detection_at_all_is_an_ap_of_zero(eval_case, tmp_path):
    (tmp_path / 'gt.json').write_text((eval_case[0] / 'gt.json').read_text())
    (tmp_path / 'none.json').write_text('[]')
    assert run(tmp_path, tmp_path / 'a.json', 'none.json')['bbox']['AP'] == 0


def test_groups_can_come_from_the_training_set(eval_case, tmp_path):
    folder = eval_case[0]
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


def test_intervals_stand_beside_the_numbers(eval_case, tmp_path, capsys):
    plain = run(eval_case[0], tmp_path / 'a.json', 'results.json', '--mode', 'default', 'fixed')
    capsys.readouterr()
    found = run(eval_case[0], tmp_path / 'b.json', 'results.json', '--mode', 'default', 'fixed', '--intervals', '30')
    ends = {key: value for key, value in found['bbox'].items() if key.endswith(('_low', '_high'))}
    assert ends.keys() == {f'AP{group}_{end}' for group in ('', 'r', 'c', 'f') for end in ('low', 'high')}
    assert {key: value for key, value in found['bbox'].items() if key not in ends} == plain['bbox']
    assert found['bbox_fixed'] == plain['bbox_fixed']
    assert ends['AP_low'] < plain['bbox']['AP'] < ends['AP_high']
    line = capsys.readouterr().out.splitlines()[-4]
    cells = [100 * value for value in (plain['bbox']['AP'], ends['AP_low'], ends['AP_high'])]
    assert line == 'bbox AP    {:.1f} [{:.1f}, {:.1f}]'.format(*cells)


def test_errors_stand_beside_the_numbers(eval_case, tmp_path, capsys):
    flags = ['--metric', 'bbox', 'segm', '--errors', '--classwise', tmp_path / 'classes.csv']
    found = run(eval_case[0], tmp_path / 'a.json', 'results.json', *flags)
    for metric in ('bbox', 'segm'):
        assert found['errors'][metric]['errors']['all']['classification'] > 0
        assert found['errors'][metric]['AP50_lost']['all']['classification'] > 0
    assert 'bbox: AP50 lost by kind of error, in points\nerror' in capsys.readouterr().out
    with (tmp_path / 'classes.csv').open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    values = [float(row['segm_oLRP']) for row in rows if row['segm_oLRP']]
    assert np.mean(values) == pytest.approx(found['errors']['segm']['LRP']['all']['lrp'])
    assert all(0 < float(row['bbox_threshold']) <= 1 for row in rows if row['bbox_threshold'])
