"""gpu_check.sh: pieces that are kept, stopped and gone on with, and one line where there is no GPU."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys

import pytest
import torch

from ..cli.conftest import ROOT, TOOLS


@pytest.fixture
def script(monkeypatch):
    """The script as a module; its neighbors are found as when it runs."""
    monkeypatch.syspath_prepend(str(TOOLS / 'benchmarks'))
    return importlib.import_module('gpu_check')


@pytest.fixture
def pieces(script, monkeypatch):
    """Pieces of milliseconds; returns them to be changed."""
    known = {
        name: script.Piece((f'-c "open({name!r}, chr(97)).write(chr(97)); print({name!r}, 1)" --device cuda',), ('',))
        for name in ('one', 'two')
    }
    monkeypatch.setattr(script, 'pieces', lambda: known)
    return known


def test_every_test_on_a_device_is_in_the_first_piece(script):
    (command,) = script.pieces()['cases'].commands
    found = {str(path.relative_to(ROOT)) for path in (ROOT / 'tests').rglob('test_*.py') if is_of_cuda(path)}
    assert {word.removeprefix('ROOT/') for word in command.split() if word.endswith('.py')} == found
    assert len(found) > 5


def is_of_cuda(path) -> bool:
    return 'pytest.mark.cuda' in path.read_text() and path.name != 'test_gpu_check.py'


def test_every_piece_has_a_tiny_form_of_each_command(script):
    for name, piece in script.pieces().items():
        assert len(piece.commands) == len(piece.tiny), name
        assert all('--device cuda' in command or 'make_glyphs' in command for command in piece.commands), name
    assert {*script.STUDY} < {*script.pieces()}
    assert all((ROOT / 'configs' / 'glyphs' / f'{config}.py').is_file() for config in script.STUDY.values())


def test_a_piece_that_is_done_is_kept_and_the_report_holds_all(script, pieces, tmp_path, capsys):
    out = tmp_path / 'out'
    assert script.main(['--dry-run', '--out', str(out), 'two']) == 0
    assert 'two 1' in capsys.readouterr().out
    assert script.main(['--dry-run', '--out', str(out)]) == 0
    assert (out / 'one').read_text() == (out / 'two').read_text() == 'a', 'each ran once'
    report = (out / 'report.md').read_text()
    assert report.index('## one') < report.index('## two')
    assert f'torch {torch.__version__}' in report
    script.main(['--out', str(out), '--list'])
    assert capsys.readouterr().out.count('done') >= 2


def test_a_piece_that_takes_too_long_is_stopped_and_not_done(script, pieces, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(script, 'LIMIT', 1)
    pieces['one'] = script.Piece(('-c "import time; time.sleep(60)"',), ('',))
    assert script.main(['--dry-run', '--out', str(tmp_path)]) == 1
    assert 'one: stopped after 1 s' in capsys.readouterr().err
    assert not (tmp_path / 'one.md').exists()
    assert (tmp_path / 'two.md').exists(), 'the others go on'


def test_a_failure_shows_its_end_and_its_log(script, pieces, tmp_path, capsys):
    pieces['one'] = script.Piece(('-c "print(1); raise SystemExit(7)"',), ('',))
    assert script.main(['--dry-run', '--out', str(tmp_path), 'one']) == 1
    assert f'one: exit code 7; log: {tmp_path}/one.log' in capsys.readouterr().err


def test_the_table_of_a_run_is_of_its_last_evaluation(script, tmp_path):
    folder = tmp_path / 'seesaw' / 'time' / 'vis_data'
    folder.mkdir(parents=True)
    keys = ('AP', 'APr', 'APc', 'APf')
    lines = [{f'lvis/{kind}_{key}': value for kind in ('bbox', 'segm') for key in keys} for value in (0.1, 0.25)]
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, [*lines, {'loss': 1.0}])))
    assert '| bbox | 25.0 | 25.0 | 25.0 | 25.0 |' in script.study_table('seesaw')(tmp_path)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [((), 'PyTorch sees no GPU here'), (('everything',), 'no piece everything; expected cases, throughput')],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, message):
    done = subprocess.run(
        [TOOLS / 'gpu_check.sh', *arguments],
        env={**os.environ, 'PYTHON': sys.executable, 'CUDA_VISIBLE_DEVICES': '-1', 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count('\n') == 1
