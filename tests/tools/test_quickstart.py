"""The quick start says what is wrong with its arguments in one line, before it installs anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / 'tools' / 'quickstart.sh'


def run(*arguments):
    return subprocess.run(['bash', str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--iters', 'many'], '--iters many: expected a number of training steps'),
        (['--iters', '0'], '--iters 0: expected a number of training steps, 1 or more'),
        (['--iters'], '--iters needs a value'),
        (['--device', 'tpu'], '--device tpu: expected auto, cpu or cuda'),
        (['--config', 'configs/none.py'], '--config configs/none.py: no such file; look into configs/glyphs'),
        (['--fast'], "unknown option '--fast'"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stdout == ''
    assert result.stderr.startswith(f'quickstart.sh: {message}')
    assert result.stderr.count('\n') == 1


def test_help_shows_the_options():
    result = run('--help')
    assert result.returncode == 0
    for option in ('--iters', '--device', '--out', '--config'):
        assert option in result.stdout
