"""longtail-det build-store: what it prints, and its exit codes."""

from __future__ import annotations

import json

import pytest

from longtail_det.annotations.store import store_folders
from longtail_det.cli import build_store

from ..annotation_files import make_records


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(make_records()))
    return path


def test_it_builds_and_checks_a_store(path, capsys):
    folder = store_folders(path)[0]
    num_annotations = len(make_records()['annotations'])
    for _ in range(2):
        assert build_store.main([str(path)]) == 0
        assert capsys.readouterr().out == f'{folder}: 9 images, {num_annotations} annotations\n'
    assert build_store.main([str(path), '--check']) == 0
    assert capsys.readouterr().out == f'{folder}: ok\n'


def test_a_damaged_store_is_exit_code_1(path, capsys):
    assert build_store.main([str(path)]) == 0
    column = store_folders(path)[0] / 'annotations.ids.npy'
    column.write_bytes(column.read_bytes()[:-1] + b'\xff')
    capsys.readouterr()
    assert build_store.main([str(path), '--check']) == 1
    assert capsys.readouterr().out.endswith(': annotations.ids.npy is damaged\n')


def test_it_tells_of_bad_records(path, capsys):
    records = make_records()
    records['annotations'].append({'id': 5})
    path.write_text(json.dumps(records))
    assert build_store.main([str(path)]) == 0
    assert 'bad: 1 malformed annotations, for example annotation 5 has no image_id' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['none.json'], 'annotation file not found: none.json'),
        (['none.json', '--check'], 'annotation file not found: none.json'),
        (['train.json', '--check'], 'no store of train.json; make it with '),
        (['broken.json'], 'broken.json is not valid json'),
        ([], 'the following arguments are required: FILE'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(path, tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'broken.json').write_text('{"images": [')
    assert build_store.main(args) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert ': error: ' in error
    assert message in error
