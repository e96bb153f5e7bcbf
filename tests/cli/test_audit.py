"""longtail-det audit: what it prints and writes, on COCO files and YOLO folders, and its answers to mistakes."""

from __future__ import annotations

import json
import re

import pytest

from longtail_det import cli
from longtail_det.annotations import load_class_statistics
from longtail_det.cli import class_statistics

from ..reports.audit.cases import NAMES, write_splits


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_splits(tmp_path)


def run(*args) -> int:
    return cli.main(['audit', *map(str, args)])


def test_it_prints_counts_findings_and_suggestions(paths, capsys, tmp_path):
    train, val = paths
    assert run(train, '--val', val) == 0
    lines = capsys.readouterr().out.splitlines()
    class_statistics.main(['--ann', str(train), '--out', str(tmp_path / 's.json'), '--on-bad', 'skip'])
    table = capsys.readouterr().out.splitlines()[:-1]
    assert lines[0] == str(train)
    assert lines[1 : 1 + len(table)] == table
    text = '\n'.join(lines)
    assert 'rarest: unicorn (0), <b>cup</b> (1), Traffic_Lights (5)' in text
    assert '5 images carry rare classes' in text
    assert '1 crowd regions and ignored annotations are not counted' in text
    assert re.search(r'\d\. 1 class is in no training instance; validation has objects of 1 of them', text)
    assert '  oversample_thr (RFS) = 0.252 (3 classes): repeats the classes on at most 100 of the 400 images' in text
    assert '  lambda_ (EQL, DropLoss) = 0.252 (4 classes): takes the classes on at most 100' in text


def test_the_json_holds_every_class_and_what_was_printed(paths, capsys, tmp_path):
    train, val = paths
    out = tmp_path / 'new' / 'audit.json'
    assert run(train, '--val', val, '--json', out, '--out', tmp_path / 'audit.html', '--no-masks') == 0
    assert (tmp_path / 'audit.html').read_text().startswith('<!DOCTYPE html>')
    found = json.loads(out.read_text())
    stats = load_class_statistics(train)
    assert [each['name'] for each in found['classes']] == list(NAMES)
    assert [each['images'] for each in found['classes']] == stats.image_count.tolist()
    assert [each['instances'] for each in found['classes']] == stats.instance_count.tolist()
    assert [each['val_objects'] for each in found['classes']] == [60, 40, 0, 4, 6, 0]
    assert found['suggested']['lambda_']['classes'] == ['traffic light', 'Traffic_Lights', 'unicorn', '<b>cup</b>']
    assert found['train']['bad_records'] == {
        'annotations of an unknown category': 1,
        'boxes of a negative or non-finite size': 1,
    }
    assert found['rare_images'][0] == {'image': 'train/0.jpg', 'classes': ['Traffic_Lights', '<b>cup</b>']}
    assert f'written to {out}' in capsys.readouterr().out


def test_a_growth_of_nothing_repeats_nothing(paths, capsys):
    assert run(paths[0], '--max-growth', '0') == 0
    text = capsys.readouterr().out
    assert 'oversample_thr (RFS) = - (0 classes): repeating a class makes an epoch more than 0 % longer' in text


def test_a_folder_of_yolo_labels(tmp_path, capsys):
    for split, label in (('train', 0), ('val', 1)):
        folder = tmp_path / 'labels' / split
        folder.mkdir(parents=True)
        for number in range(12):
            (folder / f'{number}.txt').write_text(f'{label} 0.5 0.5 0.1 0.1\n0 0.2 0.2 0.1 0.1\n')
    (tmp_path / 'classes.txt').write_text('cat\ndog\n')
    assert run(tmp_path / 'labels' / 'train', '--val', tmp_path / 'labels' / 'val') == 0
    text = capsys.readouterr().out
    assert '2 classes (r/c/f 1 / 1 / 0), 12 annotated images, 24 instances' in text
    assert '1 class is in no training instance; validation has objects of 1 of them, whose AP will be 0' in text
    assert run(tmp_path) == 2
    assert 'holds several splits (train, val)' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['none.json'], r'annotation file not found: none\.json'),
        (['train.json', '--val', 'none.json'], r'annotation file not found: none\.json'),
        (['train.json', '--json', 'train.json'], r'--json is an annotation file itself: train\.json'),
        (['train.json', '--val', 'val.json', '--json', 'val.json'], r'--json is an annotation file itself'),
        (['train.json', '--json', 'folder'], '--json folder is a folder; give the name of a file in it'),
        (['train.json', '--out', 'audit.pdf'], r'--out audit\.pdf: expected a name that ends in \.html'),
        (['train.json', '--max-growth', '-1'], '--max-growth: found -1, expected a finite number, at least 0'),
        (['folder'], 'folder holds no YOLO label file'),
        (['empty.json'], r'empty\.json is no LVIS or COCO annotation file'),
        (['bad.json'], r'bad\.json: 1 bad record: annotation 1 has no image_id'),
        (['test.json'], r'test\.json has no annotations'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(args, message, paths, tmp_path, capsys):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'empty.json').touch()
    records = json.loads(paths[0].read_text())
    (tmp_path / 'bad.json').write_text(json.dumps(records | {'annotations': [{'id': 1}]}))
    del records['annotations']
    (tmp_path / 'test.json').write_text(json.dumps(records))
    assert run(*args) == 2
    error = capsys.readouterr().err.split('\r')[-1].strip().splitlines()[-1]
    assert re.search(message, error)
    assert error.startswith('longtail-det audit: error: ')
