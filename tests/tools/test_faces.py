"""Each script under tools/ that is also a command runs that command, under its own name."""

from __future__ import annotations

import ast
import sys
from importlib import import_module

import pytest

from longtail_det.cli.commands import COMMANDS

from ..cli.conftest import ROOT, TOOLS


@pytest.mark.parametrize('name', COMMANDS)
def test_a_script_is_the_command_by_its_own_name(name, load_script, monkeypatch, capsys):
    script = COMMANDS[name].script
    main = load_script(script.removeprefix('tools/')).main
    assert main is import_module(f'longtail_det.cli.{name.replace("-", "_")}').main
    monkeypatch.setattr(sys, 'argv', [script])
    with pytest.raises(SystemExit) as leaving:
        main(['--help'])
    assert leaving.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f'usage: {script.rsplit("/", 1)[1]} ')
    assert f'    python {script} ' in text
    assert 'longtail-det ' not in text


def test_no_script_changes_the_path_of_imports():
    for path in TOOLS.rglob('*.py'):
        if 'benchmarks' not in path.parts:
            assert 'sys.path' not in path.read_text(), path


def test_a_face_holds_no_code():
    for command in COMMANDS.values():
        body = ast.parse((ROOT / command.script).read_text()).body
        assert len(body) == 4, f'{command.script}: a docstring, two imports and the call'
