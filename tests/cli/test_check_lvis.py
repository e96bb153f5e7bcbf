"""Every kind of damage to a copy of LVIS is found and named; a whole one passes."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest

from longtail_det.cli import check_lvis, lvis_releases

from .lvis_server import IMAGES, TRAIN, VAL, annotations, tiny_release


@pytest.fixture
def module(monkeypatch):
    monkeypatch.setitem(lvis_releases.RELEASES, 'v1', tiny_release())
    return check_lvis


@pytest.fixture
def root(tmp_path) -> Path:
    """A whole copy."""
    root = tmp_path / 'lvis'
    write(root, train=TRAIN, val=VAL)
    for name in (name for names in IMAGES.values() for name in names):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b'x')
    return root


def write(root: Path, **files) -> None:
    (root / 'annotations').mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / f'annotations/{name}.json').write_text(json.dumps(content))


def test_a_whole_copy_passes(module, root, capsys):
    assert module.main(['--root', str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith('ok ') for line in lines[:-1])
    assert lines == [
        f'ok    {root}/annotations/train.json: 3 images, 3 annotations, 2 images with annotations, 2 classes, '
        '2 r classes, 0 c classes, 0 f classes',
        f'ok    {root}/train2017: all 2 images of train.json',
        f'ok    {root}/val2017: all 1 images of train.json',
        f'ok    {root}/annotations/val.json: 2 images, 2 annotations, 2 images with annotations, 2 classes',
        f'ok    {root}/train2017: all 1 images of val.json',
        f'ok    {root}/val2017: all 1 images of val.json',
        f'LVIS v1 in {root} is complete',
    ]


def wrong_lines(module, root, capsys, *args: str) -> list[str]:
    assert module.main(['--root', str(root), *args]) == 1
    lines = capsys.readouterr().out.splitlines()
    found = [line.removeprefix('WRONG ').replace(f'{root}/', '') for line in lines if line.startswith('WRONG')]
    assert lines[-1] == f'{len(found)} wrong'
    return found


@pytest.mark.parametrize('key', ['images', 'annotations', 'categories'])
def test_a_record_too_few_is_counted(key, module, root, capsys):
    data = deepcopy(VAL)
    removed = data[key].pop()
    if key == 'images':
        data['annotations'] = [a for a in data['annotations'] if a['image_id'] != removed['id']]
    if key == 'categories':
        data['annotations'] = [{**a, 'category_id': 1} for a in data['annotations']]
    write(root, val=data)
    (found,) = wrong_lines(module, root, capsys)
    what = 'classes' if key == 'categories' else key
    assert f'1 {what}, expected 2' in found


def test_images_without_annotations_and_groups_are_counted(module, root, capsys):
    write(root, train=annotations(tuple(i['coco_url'][12:] for i in TRAIN['images']), (0, 1, 2)))
    assert wrong_lines(module, root, capsys) == [
        'annotations/train.json: 3 images with annotations, expected 2',
    ]


def test_bad_records_are_named(module, root, capsys):
    data = deepcopy(VAL)
    data['annotations'][1]['category_id'] = 9
    write(root, val=data)
    found = wrong_lines(module, root, capsys)
    assert any('1 annotations of an unknown category, for example annotation 1: category_id 9' in f for f in found)
    assert any('1 annotations, expected 2' in line for line in found)


def test_a_missing_file_says_how_to_get_it(module, root, capsys):
    (root / 'annotations/train.json').unlink()
    (found,) = wrong_lines(module, root, capsys)
    assert found.startswith('annotation file not found: annotations/train.json; python tools/data/download_lvis.py')


def test_a_file_cut_short_is_named(module, root, capsys):
    path = root / 'annotations/train.json'
    path.write_text(path.read_text()[:300])
    (found,) = wrong_lines(module, root, capsys)
    assert 'is not valid json' in found


def test_missing_and_empty_images_are_counted_and_named(module, root, capsys):
    (root / 'train2017/000000000002.jpg').unlink()
    (root / 'val2017/000000000003.jpg').write_bytes(b'')
    assert wrong_lines(module, root, capsys, '--splits', 'train') == [
        'train2017: 1 of the 2 images of train.json are missing, the first is train2017/000000000002.jpg',
        'val2017: 1 of the 1 images of train.json are empty, the first is val2017/000000000003.jpg',
    ]


def test_images_can_be_left_out(module, root):
    for path in root.glob('*2017/*'):
        path.unlink()
    assert module.main(['--root', str(root), '--no-images']) == 0
    assert module.main(['--root', str(root)]) == 1


def test_v05_names_files_of_2014_that_lie_in_the_folders_of_2017(module, tmp_path, monkeypatch, capsys):
    split = {'archive_gb': 0, 'size_gb': 0}
    splits = {'val': lvis_releases.Split('val.json', 'val2017', 1, None, None, None, **split)}
    release = lvis_releases.Release('v0.5', 'data/none', 2, None, splits, ())
    monkeypatch.setitem(lvis_releases.RELEASES, 'v0.5', release)
    data = annotations(('COCO_val2014_000000000123.jpg',), (0,), with_coco_url=False)
    write(tmp_path, val=data)
    (tmp_path / 'val2017').mkdir()
    command = ['--version', 'v0.5', '--splits', 'val', '--root', str(tmp_path)]
    assert module.main(command) == 1
    (tmp_path / 'val2017/000000000123.jpg').write_bytes(b'x')
    assert module.main(command) == 0
    assert '1 images, 1 annotations' in capsys.readouterr().out


def test_no_folder_is_one_line(module, capsys):
    assert module.main(['--root', 'nowhere']) == 2
    error = capsys.readouterr().err
    assert 'no folder nowhere; make it with python tools/data/download_lvis.py --version v1' in error
    assert error.count('\n') == 1
