"""verify on a local server: a synthetic checkpoint, its digest, its results and every way in which they do not fit."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from pathlib import Path

import pytest
import torch
import yaml

from longtail_det import cli
from longtail_det.cli import published
from longtail_det.cli.verify import compare

from .conftest import TOY
from .lvis_server import running

NAME = 'toy-boxes_glyphs'


@pytest.fixture
def server():
    with running() as server:
        yield server


@pytest.fixture
def zoo(boxes_data, workplace, server, monkeypatch):
    """A folder of configs with one published checkpoint, on the server; returns a function that sets its results."""
    content = Path('boxes.pth').read_bytes()
    file = f'boxes-{hashlib.sha256(content).hexdigest()[:8]}.pth'
    server.files[f'/{file}'] = content
    family = boxes_data / 'zoo' / 'toy'
    family.mkdir(parents=True)
    shutil.copy(TOY / 'boxes_config.py', family / f'{NAME}.py')
    monkeypatch.setattr(published, 'CONFIGS', family.parent)

    def publish(box: float, mask: float) -> None:
        results = [{'Source': 'the authors', 'box AP': box, 'mask AP': mask}]
        model = {'Name': NAME, 'Published': results, 'Weights': f'{server.url}/{file}'}
        (family / 'metafile.yml').write_text(yaml.safe_dump({'Models': [model]}))

    publish(12.3, 45.6)
    return publish


def verify(*args: object) -> int:
    return cli.main(['verify', *map(str, args), '--cfg-options', f'experiment_name={uuid.uuid4().hex}'])


def measured() -> tuple[float, float]:
    """Box and mask AP of the toy, in percent, from what the run left in the work dir."""
    (path,) = Path(f'work_dirs/verify/{NAME}').glob('*/*.json')
    found = json.loads(path.read_text())
    return 100 * found['lvis/bbox_AP'], 100 * found['lvis/segm_AP']


def test_other_results_do_not_agree_and_the_same_do(zoo, server, capsys):
    assert verify(NAME) == 1
    output = capsys.readouterr().out
    box, mask = measured()
    assert f'box AP          12.3{box:>10.2f}{box - 12.3:>+12.2f}' in output
    assert 'they DO NOT agree within 0.1' in output
    shutil.rmtree('work_dirs/verify')
    zoo(round(box, 1), round(mask, 1))
    assert verify(f'{NAME}.py') == 0
    output = capsys.readouterr().out
    assert 'they agree within 0.1' in output
    assert 'published by the authors' in output
    assert len(server.requests) == 1, 'the download is kept'


def test_a_file_at_hand_is_not_downloaded(zoo, server):
    assert verify(NAME, 'boxes.pth') == 1
    assert not server.requests


def test_another_file_is_refused_before_it_is_read(zoo, capsys):
    torch.save({'state_dict': {}}, 'other.pth')
    assert verify(NAME, 'other.pth') == 2
    error = capsys.readouterr().err
    assert 'other.pth has the SHA-256' in error
    assert error.count('\n') == 1


def test_a_damaged_download_is_refused(zoo, server, capsys):
    (path,) = server.files
    server.files[path] = server.files[path][:-1] + b'?'
    assert verify(NAME) == 2
    assert 'it is damaged or another file; remove it' in capsys.readouterr().err


def test_a_file_that_could_run_code_is_refused(zoo, server, tmp_path, capsys):
    """Its digest is right; it is the loader that refuses."""
    torch.save({'state_dict': {}, 'code': Path}, 'code.pth')
    content = Path('code.pth').read_bytes()
    file = f'boxes-{hashlib.sha256(content).hexdigest()[:8]}.pth'
    server.files[f'/{file}'] = content
    metafile = tmp_path / 'zoo' / 'toy' / 'metafile.yml'
    models = yaml.safe_load(metafile.read_text())
    models['Models'][0]['Weights'] = f'{server.url}/{file}'
    metafile.write_text(yaml.safe_dump(models))
    assert verify(NAME) == 2
    error = capsys.readouterr().err
    assert 'unpickling it can run code' in error


def test_without_the_data_nothing_is_downloaded(zoo, server, capsys):
    Path('gt.json').unlink()
    assert verify(NAME) == 2
    assert 'no gt.json, the annotations of glyphs' in capsys.readouterr().err
    assert not server.requests


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        ([], 'expected the name of a model; --list shows them'),
        (['toy-boxes_glyph'], f'no published checkpoint of toy-boxes_glyph; did you mean {NAME}? --list shows them'),
        ([NAME, 'nothing.pth'], 'checkpoint not found: nothing.pth; leave it out to download http'),
    ],
)
def test_a_mistake_is_one_line(argv, message, zoo, capsys):
    assert verify(*argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1


def test_the_list_shows_names_and_results(zoo, capsys):
    assert cli.main(['verify', '--list']) == 0
    assert f'{NAME}    12.3     45.6  the authors, ' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('value', 'agrees'), [(25.6, True), (25.74, True), (25.76, False), (25.46, True), (25.4, False)]
)
def test_results_agree_within_a_tenth_of_the_rounded_value(value, agrees):
    assert compare({'box AP': 25.6}, {'box AP': value})[1] is agrees
