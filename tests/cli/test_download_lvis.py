"""The download of LVIS: what arrives, what is unpacked, damaged files, and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtail_det.cli import download_lvis, fetch
from longtail_det.cli.lvis_releases import RELEASES

from .download_cases import files
from .lvis_server import zipped

FILES = (
    'annotations/train.json',
    'annotations/val.json',
    'train2017/000000000001.jpg',
    'train2017/000000000002.jpg',
    'val2017/000000000003.jpg',
)


def test_everything_arrives_and_the_archives_go(download, server, capsys):
    assert download() == 0
    assert files() == sorted(FILES)
    assert Path('lvis/train2017/000000000002.jpg').stat().st_size == 4000
    assert 'check_lvis.py --version v1 --root lvis' in capsys.readouterr().out


def test_a_second_run_downloads_nothing(download, server, capsys):
    assert download('--keep-archives') == 0
    assert 'downloads/train2017.zip' in files()
    server.requests.clear()
    assert download() == 0
    assert server.requests == []
    assert 'nothing to do' in capsys.readouterr().out


def test_parts_can_be_chosen(download):
    assert download('--parts', 'val2017') == 0
    assert files() == ['val2017/000000000003.jpg']


def test_a_dry_run_touches_nothing(download, server, capsys):
    assert download('--dry-run') == 0
    assert not Path('lvis').exists()
    assert server.requests == []
    out = capsys.readouterr().out
    assert f'to download {server.url}/lvis/train.json.zip -> lvis/annotations' in out
    assert out.endswith('4 to do\n')


def test_a_damaged_archive_is_removed_and_named(download, server, capsys):
    body = bytearray(server.files['/coco/train2017.zip'])
    good = bytes(body)
    body[2000] ^= 0xFF
    server.files['/coco/train2017.zip'] = bytes(body)
    assert download('--parts', 'train2017') == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert 'lvis/downloads/train2017.zip was damaged on the way' in error
    assert not Path('lvis/downloads/train2017.zip').exists()
    assert not [name for name in files() if name.endswith(('.tmp', '.part'))]
    server.files['/coco/train2017.zip'] = good
    assert download('--parts', 'train2017') == 0


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'<html>sorry</html>', 'was damaged on the way (File is not a zip file)'),
        (zipped({'other.txt': b'x'}), 'holds other.txt; expected members like'),
        (zipped({'../../outside.jpg': b'x'}), 'holds ../../outside.jpg; expected members like'),
        (zipped({'val2017/1.jpg': b'x', 'val2017/2.jpg': b'x'}), 'holds 2 images, expected 1'),
    ],
)
def test_another_file_by_the_same_name_is_one_line(content, message, download, server, capsys, tmp_path):
    server.files['/coco/val2017.zip'] = content
    assert download('--parts', 'val2017') == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path.parent / 'outside.jpg').exists()


def test_annotations_of_another_size_are_named(download, server, capsys):
    server.files['/lvis/val.json.zip'] = zipped({'val.json': b'{"images": [], "annotations": [], "categories": []}'})
    assert download('--parts', 'annotations') == 2
    assert 'val.json holds no usable images' in capsys.readouterr().err.splitlines()[-1]


def test_unpacking_goes_on_where_it_was_stopped(download, server):
    whole = Path('lvis/train2017/000000000001.jpg')
    assert download('--parts', 'train2017', '--keep-archives') == 0
    before = whole.stat().st_mtime_ns
    Path('lvis/train2017/000000000002.jpg').unlink()
    server.requests.clear()
    assert download('--parts', 'train2017') == 0
    assert server.requests == []
    assert whole.stat().st_mtime_ns == before
    assert len(files()) == 2


def test_no_space_is_said_before_anything_is_fetched(download, server, capsys, tiny_lvis, monkeypatch):
    usage = type('Usage', (), {'free': 10})()
    monkeypatch.setattr(fetch.shutil, 'disk_usage', lambda path: usage)
    assert download() == 2
    assert 'GB are needed and 0.0 GB are free; make space' in capsys.readouterr().err
    assert server.requests == []


def test_a_disk_that_fills_up_meanwhile_is_one_line(download, monkeypatch, capsys):
    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(fetch.shutil, 'copyfileobj', full)
    assert download('--parts', 'val2017') == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith('error: lvis: No space left on device')
    assert files() == ['downloads/val2017.zip']


def test_what_was_copied_by_hand_is_taken(tiny_lvis, server, capsys):
    """The annotations of v0.5 come no other way."""
    assert download_lvis.main(['--root', 'lvis', '--parts', 'annotations']) == 2
    error = capsys.readouterr().err
    assert 'train.json.zip is no longer published; put a copy of it at lvis/downloads/train.json.zip' in error
    Path('lvis/downloads').mkdir(parents=True)
    for name in ('train', 'val'):
        Path(f'lvis/downloads/{name}.json.zip').write_bytes(server.files[f'/lvis/{name}.json.zip'])
    assert download_lvis.main(['--root', 'lvis', '--parts', 'annotations']) == 0
    assert files() == ['annotations/train.json', 'annotations/val.json']


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['--version', 'v2'], "invalid choice: 'v2'"),
        (['--parts', 'test2017'], "invalid choice: 'test2017'"),
        (['--root', 'file'], 'cannot write to file'),
    ],
)
def test_a_mistake_is_one_line(args, message, download, capsys):
    Path('file').touch()
    assert download(*args) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1


def test_the_published_numbers():
    """As in the paper, the releases and the datasets of mmdet."""
    assert {name: sum(r.splits['train'].groups) for name, r in RELEASES.items()} == {'v1': 1203, 'v0.5': 1230}
    assert {name: r.num_classes for name, r in RELEASES.items()} == {'v1': 1203, 'v0.5': 1230}
    assert RELEASES['v1'].splits['val'].file == 'lvis_v1_val.json'
    assert RELEASES['v1'].annotations_url + 'lvis_v1_val.json.zip' == (
        'https://dl.fbaipublicfiles.com/LVIS/lvis_v1_val.json.zip'
    )
