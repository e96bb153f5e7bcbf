"""A file over HTTP: cut, resumed, changed meanwhile, refused, and not there at all."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from longtail_det.cli import download_lvis, fetch
from longtail_det.cli.errors import UserError

from .download_cases import files


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


def test_a_part_that_is_whole_already_needs_no_byte(tiny_lvis, server):
    body = server.files['/coco/val2017.zip']
    target = Path('x.zip')
    Path('x.zip.part').write_bytes(body)
    Path('x.zip.part.json').write_text(f'{{"url": "{server.url}/coco/val2017.zip", "validator": "\\"one\\""}}')
    fetch.fetch(f'{server.url}/coco/val2017.zip', target)
    assert target.read_bytes() == body
    assert [path.name for path in Path().iterdir()] == ['x.zip']


def test_a_part_that_is_too_long_is_thrown_away(tiny_lvis, server):
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


def test_no_space_for_a_file_that_is_larger_than_expected(tiny_lvis, server, monkeypatch):
    usage = type('Usage', (), {'free': 10})()
    monkeypatch.setattr(fetch.shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(UserError, match=r'are needed and .* are free'):
        fetch.fetch(f'{server.url}/coco/val2017.zip', Path('x.zip'))
    assert not Path('x.zip.part').exists()


def test_without_a_network_the_line_says_where_the_file_has_to_go(tiny_lvis, monkeypatch, capsys):
    def no_name_server(*args, **kwargs):
        raise socket.gaierror(-2, 'Name or service not known')

    monkeypatch.setattr(socket, 'getaddrinfo', no_name_server)
    assert download_lvis.main(['--root', 'lvis', '--parts', 'train2017']) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert 'Name or service not known' in lines[0]
    assert 'fetch it on another machine, as lvis/downloads/train2017.zip, and run this again' in lines[0]


def test_a_refused_connection_is_one_line(tiny_lvis, capsys):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{free.getsockname()[1]}'
    assert download_lvis.main(['--root', 'lvis', '--parts', 'val2017', '--images-url', url]) == 2
    assert 'Connection refused' in capsys.readouterr().err
