"""matrix.sh with a stand-in for python: what each cell installs and runs, and its row in the table."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import datetime, timezone

import pytest

from ..cli.conftest import ROOT

FAKE_PYTHON = r"""#!/usr/bin/env bash
echo "$*" >> "$FAKE_LOG"
case "$*" in *"${FAKE_FAILS_AT:-nothing}"*) echo "${FAKE_OUTPUT:-ERROR: no}"; exit 1 ;; esac
case "$*" in
    '-m venv '*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    '-m build '*) mkdir -p "$6" && touch "$6/longtail_det-0-py3-none-any.whl" ;;
    '-m pytest '*) printf '..\n==== 2 passed, 1 skipped in 3.2s ====\n' ;;
    -) echo '3.11.0 | 2.1.0 | 0.16.0 | 1.26.0 | mmdet 3.3.0 | mmcv-lite 2.1.0' ;;
esac
"""
CELLS = re.search(r'^cells=\((.*)\)$', (ROOT / 'tools/matrix.sh').read_text(), re.M)[1].split()
TABLES = ('docs/install.md', 'README.md')
DATE = f'{datetime.now(timezone.utc):%Y-%m-%d}'


def rows_of(page):
    rows = [line for line in page.splitlines() if line.startswith(tuple(f'| {cell} | ' for cell in CELLS))]
    assert len(rows) == len(CELLS)
    return rows


@pytest.fixture
def run(tmp_path):
    root = tmp_path / 'check out'
    for folder in ('tools', 'docs', 'requirements'):
        (root / folder).mkdir(parents=True)
    for name in ('tools/matrix.sh', 'tools/run_tests.sh', *TABLES):
        shutil.copy(ROOT / name, root / name)
    python = tmp_path / 'python'
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    # not what the cell that runs this test was given
    inherited = {key: value for key, value in os.environ.items() if key != 'MATRIX' and not key.startswith('PYTHON_')}
    names = {f'PYTHON{cell}': str(python) for cell in ('', '_OLDEST', '_NEWEST')}

    def call(*arguments: str, **variables: str):
        log = tmp_path / 'log.txt'
        log.write_text('')
        done = subprocess.run(
            [root / 'tools/matrix.sh', *arguments],
            env={**inherited, **names, 'FAKE_LOG': str(log), 'NICE': '0', **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        install, readme = ((root / name).read_text() for name in TABLES)
        assert rows_of(install) == rows_of(readme)
        return done, log.read_text().splitlines(), install

    return call


@pytest.mark.parametrize(
    ('cell', 'installed', 'tested'),
    [
        ('core', '.whl', 'tests/losses'),
        ('oldest', '.whl[mmdet] torch==2.1.* torchvision==0.16.* numpy==1.26.*', 'tests -m law'),
        ('newest', '.whl[mmdet]', 'tests -m law'),
        ('onedl', '.whl[onedl] onedl-mim', 'tests -m law'),
        ('compiled', 'mmcv>=2.0.1,<2.2', 'tests -m law'),
        ('adapters', '.whl[adapters]', 'tests/adapters'),
    ],
)
def test_a_cell_installs_the_wheel_runs_tests_and_writes_its_row(cell, installed, tested, run):
    done, calls, table = run(cell)
    assert done.returncode == 0, done.stderr
    assert any(installed in call for call in calls if call.startswith('-m pip install'))
    (tests,) = [call for call in calls if call.startswith('-m pytest')]
    assert tested in tests
    (row,) = [line for line in table.splitlines() if line.startswith(f'| {cell} |')]
    assert row in done.stdout
    assert row.startswith(f'| {cell} | 3.11.0 | 2.1.0 | 0.16.0 | 1.26.0 | mmdet 3.3.0 | mmcv-lite 2.1.0 | ')
    assert row.endswith(f'| 2 passed, 1 skipped | {DATE} |')


def test_a_cell_that_fails_is_a_row_and_an_exit_code_and_the_others_run(run):
    done, calls, _ = run('onedl', 'core', FAKE_FAILS_AT='[onedl]', FAKE_OUTPUT='ERROR: no matching distribution')
    assert done.returncode == 1
    assert '| onedl | could not be installed: ERROR: no matching distribution |' in done.stdout
    assert sum(call.startswith('-m pytest') for call in calls) == 1
    assert run('core', FAKE_FAILS_AT='-m pytest')[0].returncode == 1


def test_short_names_tests_that_are_there_and_says_so(run):
    done, calls, _ = run('--short', 'newest')
    assert '| short | 2 passed' in done.stdout
    (tests,) = [call.split() for call in calls if call.startswith('-m pytest')]
    paths = [word for word in tests if word.startswith('tests/')]
    assert 'tests/compat' in paths
    assert all((ROOT / path).exists() for path in paths)


def test_what_was_kept_is_used_again(run):
    assert run('--keep', 'core')[0].returncode == 0
    done, calls, _ = run('--reuse', 'core')
    assert done.returncode == 0
    assert [call.split()[1:2] for call in calls] == [['pytest'], []]


def test_a_mistake_is_one_line(run):
    done, calls, _ = run('newst')
    assert done.returncode == 2
    assert done.stderr.startswith("matrix.sh: no cell 'newst'; there are core oldest")
    assert done.stderr.count('\n') == 1
    assert calls == []
