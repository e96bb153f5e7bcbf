"""tools/analysis/zoo_tables.py: the tables in the repository are current, and a wrong one is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.zoo
CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.fixture
def zoo_tables(load_script):
    return load_script('analysis/zoo_tables.py')


@pytest.fixture
def configs(tmp_path):
    """A family of two configs, one published and one own result."""
    family = tmp_path / 'configs' / 'seesaw'
    family.mkdir(parents=True)
    (family / 'metafile.yml').write_text(
        """
Collections:
  - {Name: Seesaw, Paper: {Title: A title, URL: https://arxiv.org/abs/2008.10032}}
  - {Name: Normed, Paper: {Title: A title, URL: https://arxiv.org/abs/2008.10032}}
  - {Name: Other, Paper: {Title: Another}}
Models:
  - Name: b
    Config: configs/seesaw/b.py
    Original: [{Name: Theirs, Differences: [nms]}]
    Metadata: {NMS IoU: 0.5, Score Threshold: 0.0001}
    Published:
      - {Source: zoo, mask AP: 25, mask APr: 1.0, mask APc: 2.0, mask APf: 3.0}
      - {Source: rules, box AP50: 46}
  - Name: a
    Config: configs/seesaw/a.py
    Metadata: {NMS IoU: 0.3, Score Threshold: 0.001, Seeds: 2}
    Results: [{Metrics: {box AP: 10.04}}, {Metrics: {mask AP: 9.0}}]
"""
    )
    marker = 'text\n<!-- zoo_tables: {} -->\nold\n<!-- /zoo_tables -->\nmore\n'
    (family / 'README.md').write_text(marker.format('results'))
    names = ('families', 'originals', 'own')
    (tmp_path / 'configs' / 'README.md').write_text(''.join(marker.format(name) for name in names))
    return tmp_path / 'configs'


def test_the_tables_of_the_repository_are_current(zoo_tables, capsys):
    assert zoo_tables.main(['--check']) == 0, capsys.readouterr().err


def test_a_changed_number_is_found(zoo_tables, tmp_path, capsys):
    copy = tmp_path / 'copy'
    shutil.copytree(CONFIGS, copy, ignore=shutil.ignore_patterns('*.py'))
    metafile = copy / 'seesaw' / 'metafile.yml'
    metafile.write_text(metafile.read_text().replace('box AP: 25.6', 'box AP: 52.6', 1))
    assert zoo_tables.main(['--check', '--configs', str(copy)]) == 1
    error = capsys.readouterr().err
    assert 'seesaw/README.md; run python tools/analysis/zoo_tables.py' in error
    assert len(error.splitlines()) == 1


def test_tables_are_written_between_the_markers_alone(zoo_tables, configs):
    assert zoo_tables.main(['--check', '--configs', str(configs)]) == 1
    assert 'old' in (configs / 'README.md').read_text(), '--check writes nothing'
    assert zoo_tables.main(['--configs', str(configs)]) == 0
    assert zoo_tables.main(['--check', '--configs', str(configs)]) == 0
    text = (configs / 'seesaw' / 'README.md').read_text()
    assert text.startswith('text\n<!-- zoo_tables: results -->\n| config |')
    assert text.endswith('<!-- /zoo_tables -->\nmore\n')
    assert '| [b.py](b.py) | 0.5 | 0.0001 | - / 25.0 (1.0/2.0/3.0) (zoo); AP50 46.0 (rules) | *not run* | - |' in text
    assert '| [a.py](a.py) | 0.3 | 0.001 | - | 10.0 / 9.0 | 2 |' in text
    overview = (configs / 'README.md').read_text()
    assert '| Theirs | [b.py](seesaw/b.py) | nms |' in overview
    assert '| [seesaw](seesaw/README.md) | 2 | [A title](https://arxiv.org/abs/2008.10032), Another |' in overview
    own = overview.split('zoo_tables: own')[1]
    assert 'a.py' in own
    assert 'b.py' not in own


@pytest.mark.parametrize(
    ('file', 'old', 'new', 'message'),
    [
        ('seesaw/README.md', 'zoo_tables: results', 'zoo: results', 'has no table; add the lines'),
        ('seesaw/README.md', 'tables: results', 'tables: result', "no table is called 'result'; expected one of"),
        ('seesaw/metafile.yml', 'NMS IoU: 0.3, ', '', "model a has no ['NMS IoU']; add it"),
        ('seesaw/README.md', None, None, 'README.md not found'),
    ],
)
def test_a_mistake_is_one_line(zoo_tables, configs, capsys, file, old, new, message):
    path = configs / file
    if old is None:
        path.unlink()
    else:
        path.write_text(path.read_text().replace(old, new))
    assert zoo_tables.main(['--configs', str(configs)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_folder_without_metafiles_is_an_error(zoo_tables, tmp_path, capsys):
    assert zoo_tables.main(['--configs', str(tmp_path)]) == 2
    assert 'no metafile.yml' in capsys.readouterr().err
