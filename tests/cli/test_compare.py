"""Two runs side by side, from files and from work directories, and one line for each mistake."""

from __future__ import annotations

import csv
import io
import json
import pickle

import numpy as np
import pytest
import torch

from longtail_det.cli import compare
from longtail_det.evaluation import evaluate_detections


@pytest.fixture
def folder(tmp_path, random_gt, as_detections):
    """An annotation file, and results of a good and of a worse detector."""
    (tmp_path / 'gt.json').write_text(json.dumps(random_gt))
    for name, jitter in (('a', 6.0), ('b', 1.0)):
        images = as_detections(random_gt, jitter=jitter, confusion=0.2)
        records = [
            {'image_id': image['img_id'], 'category_id': label + 1, 'score': score, 'bbox': [x, y, u - x, v - y]}
            for image in images
            for label, score, (x, y, u, v) in zip(
                image['labels'].tolist(), image['scores'].tolist(), image['bboxes'].tolist(), strict=True
            )
        ]
        (tmp_path / f'{name}.json').write_text(json.dumps(records))
        (tmp_path / f'run_{name}').mkdir()
        (tmp_path / f'run_{name}' / 'results.json').write_text(json.dumps(records))
    return tmp_path


def compared(capsys, folder, *args):
    assert compare.main([*map(str, args), '--ann', str(folder / 'gt.json'), '--intervals', '50']) == 0
    return capsys.readouterr().out


def test_both_runs_are_those_of_the_evaluation(folder, capsys):
    out = json.loads(compared(capsys, folder, folder / 'a.json', folder / 'b.json', '--format', 'json'))
    gt = json.loads((folder / 'gt.json').read_text())
    expected = {n: evaluate_detections(gt, json.loads((folder / f'{n}.json').read_text()))['bbox'] for n in 'ab'}
    assert out['resamples'] == 50
    for key in ('AP', 'APr', 'APc', 'APf'):
        row = out['results']['bbox'][key]
        for run in 'ab':
            assert row[run]['point'] == pytest.approx(expected[run][key], abs=1e-12)
        assert row['difference']['point'] == pytest.approx(expected['b'][key] - expected['a'][key], abs=1e-12)
        inside = row['difference']['low'] <= 0 <= row['difference']['high']
        assert row['difference']['holds_zero'] is inside
    assert not out['results']['bbox']['AP']['difference']['holds_zero']


def test_csv_and_text_show_the_same_rows(folder, capsys):
    out = compared(capsys, folder, folder / 'a.json', folder / 'b.json', '--format', 'csv')
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row['metric'], row['key']) for row in rows] == [('bbox', key) for key in ('AP', 'APr', 'APc', 'APf')]
    text = compared(capsys, folder, folder / 'a.json', folder / 'b.json').splitlines()
    line = next(line for line in text if line.startswith('bbox all'))
    assert f'{100 * float(rows[0]["difference"]):+.1f}' in line
    assert line.endswith(' no')


def test_a_run_equals_itself_and_its_work_directory(folder, capsys):
    out = json.loads(compared(capsys, folder, folder / 'run_a', folder / 'a.json', '--format', 'json'))
    for row in out['results']['bbox'].values():
        assert row['difference'] == {'point': 0, 'low': 0, 'high': 0, 'holds_zero': True}


def test_mistakes_are_one_line(folder, tmp_path, capsys):
    def error(*args):
        assert compare.main([*map(str, args)]) == 2
        return capsys.readouterr().err.splitlines()[-1]

    ann = ('--ann', folder / 'gt.json')
    (tmp_path / 'empty').mkdir()
    assert 'results file not found' in error(folder / 'a.json', folder / 'none.json', *ann)
    assert 'no results.npz, results.pkl or results.json in' in error(folder / 'a.json', tmp_path / 'empty', *ann)
    assert 'names the annotations; give them with --ann' in error(folder / 'run_a', folder / 'b.json')
    assert '1 resamples give no interval' in error(folder / 'a.json', folder / 'b.json', *ann, '--intervals', '1')
    for name, ids in (('x', (1, 2)), ('y', (1, 3))):
        none = {'bboxes': torch.zeros(0, 4), 'scores': torch.zeros(0), 'labels': torch.zeros(0, dtype=torch.int64)}
        images = [{'img_id': i, 'pred_instances': none} for i in ids]
        (tmp_path / f'{name}.pkl').write_bytes(pickle.dumps(images))
    assert 'were tested on other images' in error(tmp_path / 'x.pkl', tmp_path / 'y.pkl', *ann)


def test_an_undefined_group_is_a_dash(folder, capsys):
    gt = json.loads((folder / 'gt.json').read_text())
    for category in gt['categories']:
        category['frequency'] = 'f'
    (folder / 'gt.json').write_text(json.dumps(gt))
    text = compared(capsys, folder, folder / 'a.json', folder / 'b.json').splitlines()
    line = next(line for line in text if line.startswith('bbox rare'))
    assert [cell.strip() for cell in line.split('|')[1:]] == ['-', '-', '-', '-', '-', 'yes']
    out = json.loads(compared(capsys, folder, folder / 'a.json', folder / 'b.json', '--format', 'json'))
    assert out['results']['bbox']['APr']['difference']['point'] is None
    assert np.isfinite(out['results']['bbox']['APf']['difference']['point'])
