"""What test writes with --out and --format-only, and scoring it again: the same numbers on every way."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from longtail_det import cli
from longtail_det.cli import predictions
from longtail_det.evaluation.predicted_images import read_predicted_images

from .conftest import TOOLS, TOY

CONFIG = str(TOY / 'boxes_config.py')


@pytest.fixture
def data(boxes_data):
    return boxes_data


def metrics(work_dir) -> dict[str, float]:
    (path,) = Path(work_dir).glob('*/*.json')
    return {key: value for key, value in json.loads(path.read_text()).items() if key.startswith('lvis/')}


def eval_results(*args) -> dict[str, float]:
    assert cli.main(['eval', *map(str, args), '--ann', 'gt.json', '--out', 'm.json']) == 0
    return {
        f'lvis/{name}_{key}': value
        for name, values in json.loads(Path('m.json').read_text()).items()
        for key, value in values.items()
    }


@pytest.mark.parametrize('masks', ['bool', 'rle'])
def test_every_way_gives_the_same_numbers(masks, data, run):
    """The model, its pickle and arrays through the config, each file alone: one result."""
    option = f'model.masks={masks}'
    assert run('test', CONFIG, 'boxes.pth', '--work-dir', 'a', '--out', 'r.pkl', '--cfg-options', option) == 0
    assert run('test', CONFIG, 'boxes.pth', '--work-dir', 'b', '--out', 'r.json', '--cfg-options', option) == 0
    assert run('test', CONFIG, '--results', 'r.pkl', '--work-dir', 'c', '--out', 'r.npz') == 0
    assert run('test', CONFIG, 'boxes.pth', '--work-dir', 'd', '--out', 'd.npz', '--cfg-options', option) == 0
    assert run('test', CONFIG, '--results', 'd.npz', '--work-dir', 'e') == 0
    expected = metrics('a')
    assert 0 < expected['lvis/segm_AP'] < 1
    assert metrics('b') == metrics('c') == metrics('d') == metrics('e') == expected
    for name in ('r.pkl', 'r.json', 'r.npz', 'd.npz'):
        assert eval_results('--results', name, '--metric', 'bbox', 'segm') == expected


def test_format_only_measures_nothing_and_needs_no_annotation(data, run):
    gt = json.loads(Path('gt.json').read_text())
    assert run('test', CONFIG, 'boxes.pth', '--work-dir', 'a', '--out', 'deep/a.json') == 0
    del gt['annotations']
    Path('gt.json').write_text(json.dumps(gt))
    assert run('test', CONFIG, 'boxes.pth', '--work-dir', 'b', '--out', 'deep/b.json', '--format-only') == 0
    assert Path('deep/b.json').read_text() == Path('deep/a.json').read_text()
    assert metrics('b') == {}
    records = json.loads(Path('deep/b.json').read_text())
    assert len(records) == 5 * 6
    assert records[0].keys() == {'image_id', 'category_id', 'bbox', 'score', 'segmentation'}
    assert {record['category_id'] for record in records} == {2, 4, 7}
    assert sorted(os.listdir('deep')) == ['a.json', 'b.json']  # no part is left


def test_a_pickle_becomes_a_json_without_the_model(data, run):
    assert run('test', CONFIG, 'boxes.pth', '--out', 'r.json') == 0
    assert run('test', CONFIG, 'boxes.pth', '--out', 'r.pkl') == 0
    assert run('test', CONFIG, '--results', 'r.pkl', '--out', 'again.json', '--format-only') == 0
    assert Path('again.json').read_text() == Path('r.json').read_text()


def test_predictions_are_small_and_know_their_categories(data, run):
    assert run('test', CONFIG, 'boxes.pth', '--out', 'r.pkl') == 0
    images = pickle.loads(Path('r.pkl').read_bytes())
    assert [image['img_id'] for image in images] == [1, 2, 3, 4, 5]
    for image in images:
        assert image['category_ids'] == (7, 2, 4)
        assert 'gt_instances' not in image
        assert [set(rle) for rle in image['pred_instances']['masks']] == [{'size', 'counts'}] * 6


def test_without_masks_a_record_has_no_segmentation(data, run):
    options = ['--cfg-options', 'model.masks=']
    assert run('test', CONFIG, 'boxes.pth', '--eval', 'bbox', '--out', 'r.json', *options) == 0
    assert 'segmentation' not in json.loads(Path('r.json').read_text())[0]


@pytest.mark.parametrize('name', ['r.pkl', 'r.npz'])
def test_masks_with_scores_of_their_own_go_into_no_json(name, data, run):
    options = ['--cfg-options', 'model.mask_scores=True']
    assert run('test', CONFIG, 'boxes.pth', '--work-dir', 'a', '--out', name, *options) == 0
    assert eval_results('--results', name, '--metric', 'bbox', 'segm') == metrics('a')
    with pytest.raises(ValueError, match='scores masks apart from boxes'):
        run('test', CONFIG, 'boxes.pth', '--out', 'r.json', *options)


def test_predictions_of_other_images_are_refused(data, run, capfd):
    assert run('test', CONFIG, 'boxes.pth', '--out', 'r.pkl') == 0
    Path('r.pkl').write_bytes(pickle.dumps(pickle.loads(Path('r.pkl').read_bytes())[:3]))
    assert run('test', CONFIG, '--results', 'r.pkl') == 2
    assert 'r.pkl holds 3 images, the test set of the config 5' in capfd.readouterr().err.splitlines()[-1]


def test_predictions_of_other_categories_are_refused(data, run, capfd):
    assert run('test', CONFIG, 'boxes.pth', '--out', 'r.npz') == 0
    swapped = Path(CONFIG).read_text().replace("'class 7', 'class 2'", "'class 2', 'class 7'")
    Path('swapped.py').write_text(swapped)
    assert run('test', 'swapped.py', '--results', 'r.npz') == 2
    assert 'r.npz holds predictions of 3 categories (7, 2, 4 ...)' in capfd.readouterr().err.splitlines()[-1]


def test_what_a_model_without_boxes_predicts_needs_a_pickle(data):
    with pytest.raises(ValueError, match=r'predicted without bboxes.* ends in \.pkl'):
        predictions.ArraysWriter('r.npz', None).process(None, [{'img_id': 1, 'pred_panoptic_seg': {}}])


def test_half_precision_goes_into_arrays(tmp_path):
    found = {'bboxes': torch.ones(2, 4), 'scores': torch.ones(2), 'labels': torch.zeros(2, dtype=torch.int64)}
    half = {key: value.bfloat16() if value.is_floating_point() else value for key, value in found.items()}
    writer = predictions.ArraysWriter(str(tmp_path / 'r.npz'), [4])
    writer.process(None, [{'img_id': 1, 'pred_instances': half}])
    writer.compute_metrics(writer.results)
    assert read_predicted_images(tmp_path / 'r.npz')[0]['pred_instances']['bboxes'].tolist() == [[1] * 4] * 2


@pytest.mark.slow
def test_two_processes_write_what_one_does(data, shell, run):
    for name in ('r.pkl', 'r.json'):
        assert run('test', CONFIG, 'boxes.pth', '--work-dir', 'one', '--out', name) == 0
        command = [TOOLS / 'dist_test.sh', CONFIG, 'boxes.pth', '2', '--work-dir', 'two', '--out', f'two_{name}']
        done = shell(*command)
        assert done.returncode == 0, done.stderr
    one, two = (pickle.loads(Path(name).read_bytes()) for name in ('r.pkl', 'two_r.pkl'))
    assert [image['img_id'] for image in two] == [1, 2, 3, 4, 5]
    for a, b in zip(one, two, strict=True):
        assert (a['pred_instances']['scores'] == b['pred_instances']['scores']).all()
        assert a['pred_instances']['masks'] == b['pred_instances']['masks']
    one, two = (json.loads(Path(name).read_text()) for name in ('r.json', 'two_r.json'))
    assert sorted(map(str, one)) == sorted(map(str, two))
