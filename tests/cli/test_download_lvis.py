"""The download against a server of this machine: whole, cut, resumed, damaged, and not there at all."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from longtail_det.cli import download_lvis, fetch
from longtail_det.cli.errors import UserError
from longtail_det.cli.lvis_releases import RELEASES

from .lvis_server import archives, running, tiny_release, zipped

FILES = (
    'annotations/train.json',
    'annotations/val.json',
    'train2017/000000000001.jpg',
    'train2017/000000000002.jpg',
    'val2017/000000000003.jpg',
)


@pytest.fixture
def server():
    with running() as server:
        server.files = archives()
        yield server


@pytest.fixture
def module(workplace, monkeypatch):
    monkeypatch.setattr(fetch.time, 'sleep', lambda seconds: None)
    monkeypatch.setitem(RELEASES, 'v1', tiny_release())
    return download_lvis


@pytest.fixture
def download(module, server):
    def run(*args: str) -> int:
        urls = ['--annotations-url', f'{server.url}/lvis/', '--images-url', f'{server.url}/coco']
        return module.main(['--root', 'lvis', *urls, *args])

    return run


def files(root: str = 'lvis') -> list[str]:
    return sorted(str(path.relative_to(root)) for path in Path(root).rglob('*') if path.is_file())


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


def test_a_cut_connection_is_taken_up_where_it_broke(download, server):
    server.cut_after, server.cuts = 700, 3
    assert download('--parts', 'train2017') == 0
    assert [asked for _, asked in server.requests] == [None, 'bytes=700-', 'bytes=1400-', 'bytes=2100-']
    assert len(files()) == 2


def test_breaks_count_only_where_nothing_came_in_between(download, server):
    server.cut_after, server.cuts = 400, 12
    assert download('--parts', 'train2017') == 0
    assert len(server.requests) == 13


def test_a_stopped_download_goes_on_in_the_next_run(download, server, capsys):
    # the first answer brings something, then nothing comes any more
    server.cut_after, server.cuts, server.answers = 900, 1, 1
    assert download('--parts', 'train2017') == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert 'the 900 bytes so far are kept, the same command goes on from there' in error
    part = Path('lvis/downloads/train2017.zip.part')
    assert part.read_bytes() == server.files['/coco/train2017.zip'][:900]

    server.answers = 1
    server.requests.clear()
    assert download('--parts', 'train2017') == 0
    assert server.requests == [('/coco/train2017.zip', 'bytes=900-')]
    assert len(files()) == 2


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(download, server):
    Path('lvis/downloads').mkdir(parents=True)
    part = Path('lvis/downloads/val2017.zip.part')
    part.write_bytes(b'x' * 100)
    part.with_name(f'{part.name}.json').write_text(
        f'{{"url": "{server.url}/coco/val2017.zip", "validator": "\\"zero\\""}}'
    )
    assert download('--parts', 'val2017') == 0
    assert server.requests == [('/coco/val2017.zip', 'bytes=100-')]


@pytest.mark.parametrize('about', ['{"url": "http://elsewhere/x.zip", "validator": "\\"one\\""}', '', None])
def test_a_part_of_unknown_origin_is_not_gone_on_with(about, download, server):
    Path('lvis/downloads').mkdir(parents=True)
    part = Path('lvis/downloads/val2017.zip.part')
    part.write_bytes(b'x' * 100)
    if about is not None:
        part.with_name(f'{part.name}.json').write_text(about)
    assert download('--parts', 'val2017') == 0
    assert server.requests == [('/coco/val2017.zip', None)]


def test_a_server_without_ranges_or_recognition_starts_anew(download, server):
    server.with_ranges = False
    server.cut_after, server.cuts = 700, 1
    assert download('--parts', 'val2017') == 0
    server.etag = ''
    server.cuts = 1
    assert download('--parts', 'train2017') == 0
    assert server.requests[-2:] == [('/coco/train2017.zip', None)] * 2


def test_a_part_that_is_whole_already_needs_no_byte(module, server):
    body = server.files['/coco/val2017.zip']
    target = Path('x.zip')
    Path('x.zip.part').write_bytes(body)
    Path('x.zip.part.json').write_text(f'{{"url": "{server.url}/coco/val2017.zip", "validator": "\\"one\\""}}')
    fetch.fetch(f'{server.url}/coco/val2017.zip', target)
    assert target.read_bytes() == body
    assert [path.name for path in Path().iterdir()] == ['x.zip']


def test_a_part_that_is_too_long_is_thrown_away(module, server):
    body = server.files['/coco/val2017.zip']
    Path('x.zip.part').write_bytes(body + b'more')
    Path('x.zip.part.json').write_text(f'{{"url": "{server.url}/coco/val2017.zip", "validator": "\\"one\\""}}')
    fetch.fetch(f'{server.url}/coco/val2017.zip', Path('x.zip'))
    assert Path('x.zip').read_bytes() == body


@pytest.mark.parametrize(('status', 'requests'), [(404, 1), (403, 1), (503, 5)])
def test_an_answer_of_the_server_is_one_line(status, requests, download, server, capsys):
    server.status = status
    assert download('--parts', 'val2017') == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f'/coco/val2017.zip: the server answers {status}' in error
    # what may pass is tried again
    assert len(server.requests) == requests


def test_a_server_that_does_not_tell_the_length_is_one_line(download, server, capsys):
    server.with_length = False
    assert download('--parts', 'val2017') == 2
    assert 'does not say how long the file is' in capsys.readouterr().err


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


def test_no_space_is_said_before_anything_is_fetched(download, server, capsys, module, monkeypatch):
    usage = type('Usage', (), {'free': 10})()
    monkeypatch.setattr(fetch.shutil, 'disk_usage', lambda path: usage)
    assert download() == 2
    assert 'GB are needed and 0.0 GB are free; make space' in capsys.readouterr().err
    assert server.requests == []


def test_no_space_for_a_file_that_is_larger_than_expected(module, server, monkeypatch):
    usage = type('Usage', (), {'free': 10})()
    monkeypatch.setattr(fetch.shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(UserError, match=r'are needed and .* are free'):
        fetch.fetch(f'{server.url}/coco/val2017.zip', Path('x.zip'))
    assert not Path('x.zip.part').exists()


def test_a_disk_that_fills_up_meanwhile_is_one_line(download, monkeypatch, capsys):
    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(fetch.shutil, 'copyfileobj', full)
    assert download('--parts', 'val2017') == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith('error: lvis: No space left on device')
    assert files() == ['downloads/val2017.zip']


def test_without_a_network_the_line_says_where_the_file_has_to_go(module, monkeypatch, capsys):
    def no_name_server(*args, **kwargs):
        raise socket.gaierror(-2, 'Name or service not known')

    monkeypatch.setattr(socket, 'getaddrinfo', no_name_server)
    assert module.main(['--root', 'lvis', '--parts', 'train2017']) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert 'Name or service not known' in lines[0]
    assert 'fetch it on another machine, as lvis/downloads/train2017.zip, and run this again' in lines[0]


def test_a_refused_connection_is_one_line(module, capsys):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{free.getsockname()[1]}'
    assert module.main(['--root', 'lvis', '--parts', 'val2017', '--images-url', url]) == 2
    assert 'Connection refused' in capsys.readouterr().err


def test_what_was_copied_by_hand_is_taken(module, server, capsys):
    """The annotations of v0.5 come no other way."""
    assert module.main(['--root', 'lvis', '--parts', 'annotations']) == 2
    error = capsys.readouterr().err
    assert 'train.json.zip is no longer published; put a copy of it at lvis/downloads/train.json.zip' in error
    Path('lvis/downloads').mkdir(parents=True)
    for name in ('train', 'val'):
        Path(f'lvis/downloads/{name}.json.zip').write_bytes(server.files[f'/lvis/{name}.json.zip'])
    assert module.main(['--root', 'lvis', '--parts', 'annotations']) == 0
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
