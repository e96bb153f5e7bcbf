"""What cannot be written is told before the long work."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from longtail_det import cli
from longtail_det.cli.errors import UserError
from longtail_det.cli.outputs import check_output


@pytest.mark.parametrize(('path', 'is_folder'), [('new.png', False), ('a/b/c.png', False), ('a/b', True), ('', True)])
def test_what_can_be_made_is_not_made_yet(path, is_folder, tmp_path):
    check_output('--out', tmp_path / path, () if is_folder else ('.png',), is_folder=is_folder)
    check_output('--out', None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('path', 'suffixes', 'is_folder', 'message'),
    [
        ('x.xyz', ('.png',), False, r'--out .*x\.xyz: expected a name that ends in \.png'),
        ('folder', (), False, r'folder is a folder; give the name of a file in it'),
        ('file/x.png', (), False, r'--out .*file/x\.png: .*file is no folder'),
        ('file/a/b', (), True, r'file is no folder'),
        ('file', (), True, r'file is no folder'),
        ('gone/x.png', (), False, r'gone is no folder'),
    ],
)
def test_what_cannot_be_made_is_one_line(path, suffixes, is_folder, message, tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    (tmp_path / 'gone').symlink_to(tmp_path / 'nowhere')
    with pytest.raises(UserError, match=message):
        check_output('--out', tmp_path / path, suffixes, is_folder=is_folder)


COMMANDS = {
    'plot': ['plot-class-frequency', '--ann', 'none.json', '--out', 'a.xyz'],
    'plot-place': ['plot-class-frequency', '--ann', 'none.json', '--out', 'file/a.png'],
    'report': ['report', 'none', '--out', 'report.csv'],
    'report-tables': ['report', 'none', '--out', 'page.html'],
    'statistics': ['class-statistics', '--ann', 'none.json', '--out', 'file/a.json'],
    'calibrate': ['calibrate', 'none.py', 'none.pth', '--out', 'file/folder'],
    'calibrate-results': ['calibrate', '--results', 'a', '--counts', 'b', '--calibration', 'norcal', '--out', 'r.pkl'],
    'eval': ['eval', '--ann', 'none.json', '--results', 'file.json', '--out', 'file/metrics.json'],
    'test': ['test', 'none.py', 'none.pth', '--out', 'r.csv'],
}


@pytest.mark.parametrize('command', COMMANDS)
def test_commands_look_before_they_read(command, tmp_path, monkeypatch, capsys):
    """What is to be read is not there either, which would be told next."""
    monkeypatch.chdir(tmp_path)
    for name in ('file', 'file.json'):
        Path(name).touch()
    Path('page.csv').mkdir()
    assert cli.main(COMMANDS[command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(
        r'--out \S+(: expected a name that ends in|: file is no folder|: \S+/file is no folder| is a folder)', line
    )


@pytest.mark.parametrize('path', ['locked/x.png', 'locked/old.png'])
def test_a_place_without_permission_is_one_line(path, tmp_path, monkeypatch):
    (tmp_path / 'locked').mkdir()
    (tmp_path / 'locked/old.png').touch()
    # root may write everywhere
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    with pytest.raises(UserError, match='no permission to write'):
        check_output('--out', tmp_path / path)
