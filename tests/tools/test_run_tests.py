"""run_tests.sh with a stand-in for python: which checks it runs, and that one failure is enough."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ..cli.conftest import TOOLS

FAKE_PYTHON = """#!/usr/bin/env bash
echo "$* [$MPLBACKEND $(pwd)]" >> "$FAKE_LOG"
case "$*" in *"${FAKE_FAILS_AT:-nothing}"*) exit 1 ;; esac
"""
STYLE = ['ruff check .', 'ruff format --check .', 'mypy']
STAGES = [
    *STYLE,
    'pytest tests -n',
    'tests.core_environment tests/',
    'pytest --doctest-modules longtail_det',
    'mkdocs build --strict',
]


@pytest.fixture
def run(tmp_path):
    root = tmp_path / 'check out'
    (root / 'tools').mkdir(parents=True)
    shutil.copy(TOOLS / 'run_tests.sh', root / 'tools')
    scripts = {
        'tools/setup_env.sh': f'#!/bin/sh\necho "set-up $*" >> "$FAKE_LOG"\necho "{root}/python"\n',
        'python': FAKE_PYTHON,
    }
    for name, text in scripts.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)

    def call(*arguments: str, **variables: str) -> tuple[subprocess.CompletedProcess, list[str]]:
        log = tmp_path / 'log.txt'
        done = subprocess.run(
            [root / 'tools/run_tests.sh', *arguments],
            env={**os.environ, 'FAKE_LOG': str(log), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done, log.read_text().splitlines() if log.exists() else []

    return call


def test_without_arguments_every_check_runs(run):
    done, calls = run()
    assert done.returncode == 0
    assert calls[0] == 'set-up --dev'
    assert len(calls) == 1 + len(STAGES)
    for call, stage in zip(calls[1:], STAGES, strict=True):
        assert call.startswith(f'-m {stage}')
        assert 'Agg ' in call
        assert call.endswith('check out]')
    assert done.stdout.count(' ok ') == len(STAGES)


@pytest.mark.parametrize('stage', STAGES)
def test_one_failure_fails_the_whole_after_the_rest_ran(stage, run):
    done, calls = run(FAKE_FAILS_AT=f'-m {stage}')
    assert done.returncode == 1
    assert len(calls) == 1 + len(STAGES)
    summary = done.stdout.split('== summary')[1]
    assert summary.count('FAILED') == 1
    assert summary.count(' ok ') == len(STAGES) - 1


def test_fast_is_style_types_and_laws(run):
    done, calls = run('--fast')
    assert done.returncode == 0
    assert [
        call.startswith(f'-m {stage}') for call, stage in zip(calls[1:], [*STYLE, 'pytest tests -m law'], strict=True)
    ]
    assert run('--fast', FAKE_FAILS_AT='-m law')[0].returncode == 1


@pytest.mark.parametrize('options', [['-h'], ['--help'], ['--fast', '--help'], ['--fast', '-h']])
def test_help_installs_nothing(options, run):
    done, calls = run(*options)
    assert done.returncode == 0
    assert calls == []
    assert '--fast' in done.stdout
    assert 'set -' not in done.stdout


def test_arguments_go_to_pytest_alone(run):
    done, calls = run('tests/compat', '-k', 'a or b')
    assert done.returncode == 0
    assert len(calls) == 2
    assert calls[1].startswith('-m pytest tests/compat -k a or b [')


def test_a_failing_pytest_fails(run):
    assert run('tests/compat', FAKE_FAILS_AT='pytest')[0].returncode == 1


def test_the_entry_of_the_ci_is_executable_and_runs_the_tests():
    entry = Path(TOOLS).parent / '.ci/run'
    assert os.access(entry, os.X_OK)
    assert './tools/run_tests.sh' in entry.read_text()
