from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from longtail_det.annotations import load_class_statistics
from longtail_det.cli import class_statistics
from longtail_det.datasets import LVISDataset


def records():
    """Class a on 12 images with two instances each, b on one, c on none."""
    annotations = [(image, 1) for image in range(12) for _ in range(2)] + [(3, 2)]
    return {
        'images': [{'id': i, 'height': 50, 'width': 50, 'file_name': f'{i}.jpg'} for i in range(15)],
        'categories': [{'id': i, 'name': name} for i, name in ((2, 'b'), (7, 'c'), (1, 'a'))],
        'annotations': [
            {'id': i, 'image_id': image, 'category_id': category, 'bbox': [1, 1, 9, 9], 'area': 81}
            for i, (image, category) in enumerate(annotations)
        ],
    }


@pytest.fixture
def ann(tmp_path) -> Path:
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(records()))
    return path


def run(*args):
    return class_statistics.main([str(arg) for arg in args])


def test_the_file_it_writes_holds_the_counts_of_the_dataset(ann, tmp_path, capsys):
    out = tmp_path / 'new folder' / 'stats.json'
    assert run('--ann', ann, '--out', out) == 0
    assert load_class_statistics(out) == load_class_statistics(ann)
    (tmp_path / '0.jpg').touch()
    dataset = LVISDataset(ann_file=str(ann), data_root=str(tmp_path))
    assert load_class_statistics(out).to_dict().items() >= dataset.class_statistics.to_dict().items()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '3 classes (r/c/f 2 / 1 / 0), 12 annotated images, 25 instances'
    table = {line.split()[0]: line.split()[1:] for line in lines[2:5]}
    assert table == {
        'rare': ['2', '0-1', '0-1', '1'],
        'common': ['1', '12-12', '24-24', '24'],
        'frequent': ['0', '-', '-', '0'],
    }
    assert lines[5] == '1 classes are on no training image'
    assert lines[6] == f"written to {out}; in a config: class_statistics='{out}'"


def test_bad_records_are_refused_or_left_out(ann, tmp_path, capsys):
    data = records()
    data['annotations'].append({'id': 99, 'image_id': 3, 'category_id': 8, 'bbox': [1, 1, 9, 9], 'area': 81})
    ann.write_text(json.dumps(data))
    out = tmp_path / 'stats.json'
    assert run('--ann', ann, '--out', out) == 2
    assert 'error: ' in capsys.readouterr().err
    assert not out.exists()
    assert run('--ann', ann, '--out', out, '--on-bad', 'skip') == 0
    ann.write_text(json.dumps(records()))
    assert load_class_statistics(out) == load_class_statistics(ann)


@pytest.mark.parametrize(
    ('content', 'args', 'message'),
    [
        ('[]', [], r'train\.json is no LVIS or COCO annotation file'),
        (json.dumps(records())[:200], [], r'train\.json is not valid json: .* was it cut short'),
        (json.dumps(records() | {'annotations': [{'id': 4}]}), [], 'annotation 4 has no image_id, category_id, bbox'),
        (json.dumps(records()), ['--ann', 'none.json'], r'annotation file not found: none\.json'),
        (json.dumps(records()), ['--out', 'train.json'], r'--out is the annotation file itself'),
        (json.dumps(records()), ['--out', 'folder'], '--out folder is a folder; give the name of a file in it'),
        (json.dumps(records()), ['--out', 'train.json/stats.json'], r'--out train\.json/stats\.json: train'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(ann, tmp_path, monkeypatch, capsys, content, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'folder').mkdir()
    ann.write_text(content)
    assert run('--ann', 'train.json', '--out', 'stats.json', *args) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(message, error)
    assert ': error: ' in error


@pytest.mark.parametrize(
    ('args', 'message'), [(['--ann'], 'expected one argument'), (['--ann', 'a', '--out', 'b', '--on-bad', 'x'], "'x'")]
)
def test_a_mistake_in_the_options_is_one_line(capsys, args, message):
    assert class_statistics.main(args) == 2
    error = capsys.readouterr().err
    assert ': error: ' in error
    assert message in error
    assert error.count('\n') == 1
