"""Every command in the README and in docs/ runs on small data, or is parsed, with the reason why it does not run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from longtail_det import cli

from .pages import ROOT, commands, inline_commands
from .parsers import name_of, parser_of, words_of
from .small import EXECUTED, NOT_RUN, reason_not_to_run

pytestmark = pytest.mark.docs
TEXTS = sorted({command.text for command in commands()})


def test_every_command_is_run_or_listed_with_its_reason():
    unknown = [
        command for command in commands() if command.text not in EXECUTED and not reason_not_to_run(command.text)
    ]
    assert not unknown, 'add them to tests/docs/small.py'


def test_the_lists_hold_nothing_that_the_pages_do_not():
    inline = {command.text for command in inline_commands()}
    assert not [text for text in EXECUTED if text not in {*TEXTS, *inline}]
    assert not [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, text) for text in TEXTS)]


@pytest.mark.parametrize('text', TEXTS)
def test_the_arguments_are_those_of_the_program(text, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/benchmarks'))
    words = words_of(text)
    if words[0].startswith('./'):
        assert os.access(ROOT / words[0], os.X_OK)
    found = parser_of(words)
    if found:
        parser, arguments = found
        parser.parse_args(arguments)


@pytest.mark.parametrize('text', sorted({command.text for command in inline_commands()}))
def test_a_command_in_running_text_exists_with_its_options(text, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/benchmarks'))
    words = words_of(text)
    parser, arguments = parser_of(words)
    known = parser.format_help()
    for word in arguments:
        if word.startswith('-'):
            assert re.search(rf'{re.escape(word)}\b', known), f'{text}: no option {word}'


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(place, monkeypatch, capfd):
    monkeypatch.chdir(place)
    for text, more in EXECUTED.items():
        assert run([*words_of(text), *shlex.split(more)]) == 0, f'{text} {more}\n{capfd.readouterr()}'
        if text == 'longtail-det report work_dirs/own_data':
            assert (place / 'work_dirs/own_data/report.html').stat().st_size > 10_000
            _copy_run(place)


def run(words: list[str]) -> int:
    """Run a command and return its exit code: in this process what trains nothing, as a start takes a second."""
    name = words[1] if words[0] == 'longtail-det' else name_of(words[1])
    if name not in ('', 'train', 'test'):
        return cli.main([name, *words[2:]])
    program = [sys.executable, '-m', 'longtail_det'] if words[0] == 'longtail-det' else [sys.executable]
    variables = {'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '-1'}
    return subprocess.run([*program, *words[1:]], env={**os.environ, **variables}, timeout=300, check=False).returncode


def _copy_run(place: Path) -> None:
    """Put the run of own_data.py where other pages have runs of theirs."""
    for name in ('softmax', 'seesaw', 'mine'):
        shutil.copytree(place / 'work_dirs/own_data', place / 'work_dirs' / name)
