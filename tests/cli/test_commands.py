"""longtail-det: its list of commands, its answer to a wrong name, and the words of its helps."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from longtail_det import cli
from longtail_det.cli.commands import COMMANDS, as_typed, running
from longtail_det.version import __version__

from .conftest import ROOT


def test_the_help_lists_every_command_on_a_line(capsys):
    assert cli.main(['--help']) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, command in COMMANDS.items():
        assert f'  {name:<22}{command.summary}' in lines
        assert (ROOT / command.script).is_file()


def test_the_version_is_that_of_the_package(capsys):
    assert cli.main(['--version']) == 0
    assert capsys.readouterr().out == f'longtail-det {__version__}\n'


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['evl'], "no command 'evl'; did you mean eval? longtail-det --help lists them"),
        (['qqqqqq'], "no command 'qqqqqq'; longtail-det --help lists them"),
        ([], 'expected a command; longtail-det --help lists them'),
    ],
)
def test_an_unknown_command_is_one_line(argv, message, capsys):
    assert cli.main(argv) == 2
    assert capsys.readouterr().err == f'longtail-det: error: {message}\n'


@pytest.mark.parametrize('name', COMMANDS)
def test_a_help_names_the_command_and_holds_runnable_examples(name, capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main([name, '--help'])
    assert leaving.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f'usage: longtail-det {name} ')
    assert '.py ' not in text.split('usage: ')[1].split('\n\n')[0]
    assert 'tools/' not in text.replace('tools/dist_', '').replace('tools/slurm_', '')
    prefix = f'    longtail-det {name} '
    examples = [line for line in text.replace('\\\n', ' ').splitlines() if line.startswith(prefix)]
    assert examples
    for line in examples:
        import_module(f'longtail_det.cli.{name.replace("-", "_")}').build_parser().parse_args(line.split()[2:])


def test_a_mistake_names_the_command(capsys):
    assert cli.main(['eval', '--metric', 'mask']) == 2
    assert capsys.readouterr().err.startswith('longtail-det eval: error: ')


def test_commands_in_messages_are_written_as_the_user_types_them():
    text = 'fetch it with longtail-det download-lvis --root x, then run tools/test.py'
    assert as_typed(text) == 'fetch it with python tools/data/download_lvis.py --root x, then run tools/test.py'
    with running('check-lvis'):
        assert as_typed(text) == 'fetch it with longtail-det download-lvis --root x, then run longtail-det test'


@pytest.mark.parametrize('argv', [['--help'], *([name, '--help'] for name in COMMANDS)])
def test_asking_for_help_imports_neither_torch_nor_mmdet(argv):
    code = (
        'import sys\nfrom longtail_det.cli import main\n'
        f'try:\n    main({argv})\nexcept SystemExit:\n    pass\n'
        "print(sorted({'torch', 'mmengine', 'mmcv', 'mmdet', 'matplotlib'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == '[]'


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, '-m', 'longtail_det', '--version'], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == f'longtail-det {__version__}\n'
