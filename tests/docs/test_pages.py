"""What the README and the pages say is so: numbers, names, versions, files and examples."""

from __future__ import annotations

import re

import pytest
import torch
import yaml

from longtail_det import losses
from longtail_det.cli.commands import COMMANDS
from longtail_det.version import __version__

from .pages import PAGES, ROOT, python_blocks
from .parsers import parser_of, words_of
from .small import PYTHON_NOT_RUN

pytestmark = pytest.mark.docs
README = (ROOT / 'README.md').read_text()


def section(title: str) -> str:
    """The text below a headline of the README."""
    return README.split(f'## {title}\n')[1].split('\n## ')[0]


def table_rows(text: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in text.splitlines() if line.startswith('|')]
    return rows[2:]


def oldest_python() -> str:
    return re.search(r'requires-python = ">=(.*)"', (ROOT / 'pyproject.toml').read_text())[1]


def test_every_number_of_the_claims_is_in_the_benchmarks_with_its_command(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/benchmarks'))
    benchmarks = ''.join((ROOT / name).read_text() for name in ('tools/benchmarks/README.md', 'docs/gpu.md'))
    rows = table_rows(section('What it does better'))
    assert len(rows) >= 8
    for what, ours, theirs, command in rows:
        for number in re.findall(r'\d+(?:\.\d+)?', f'{ours} {theirs}'):
            assert re.search(rf'(?<![\d.]){re.escape(number)}(?![\d.]*\d)', benchmarks), f'{what}: {number}'
        if command != 'the same':
            parser, arguments = parser_of(words_of(f'python tools/benchmarks/{command.strip("`")}'))
            parser.parse_args(arguments)


def test_the_table_of_commands_is_that_of_the_program():
    assert table_rows(section('Commands')) == [[f'`{name}`', about.summary] for name, about in COMMANDS.items()]


def test_the_components_exist():
    """Losses here; the other names are registered, which tests/test_registration.py knows."""
    names = set(
        re.findall(r'`(\w+)`', '\n'.join(line for line in README.splitlines() if line.startswith('| losses of')))
    )
    assert names == {loss.__name__ for loss in (*losses.ROI_LOSSES, *losses.DENSE_LOSSES)}
    assert f'{len(names)} losses, resampling' in README


def test_the_badges_and_the_citation_are_true():
    pyproject = (ROOT / 'pyproject.toml').read_text()
    oldest = oldest_python()
    assert f'![Python {oldest} or newer](docs/images/python.svg)' in README
    assert f'>{oldest} or newer<' in (ROOT / 'docs/images/python.svg').read_text()
    assert '![License: Apache-2.0](docs/images/license.svg)' in README
    assert 'license = "Apache-2.0"' in pyproject
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert (citation['version'], citation['license']) == (__version__, 'Apache-2.0')


def test_the_workflows_name_files_that_exist():
    for path in sorted((ROOT / '.github/workflows').iterdir()):
        jobs = yaml.safe_load(path.read_text())['jobs']
        steps = '\n'.join(step.get('run', '') for job in jobs.values() for step in job['steps'])
        assert steps
        for name in re.findall(r'requirements/\w+\.txt|\.ci/run|longtail_det/\w+\.py|CITATION\.cff', steps):
            assert (ROOT / name).is_file(), f'{path.name}: {name}'
    matrix = yaml.safe_load((ROOT / '.github/workflows/tests.yml').read_text())['jobs']['versions']['strategy'][
        'matrix'
    ]
    assert [len(values) for values in matrix.values()] == [2, 2]
    assert oldest_python() == matrix['python'][0]


def test_a_link_to_a_file_leads_to_one():
    broken = []
    for page in PAGES:
        text = re.sub(r'^```.*?^```$|^ {4}.*$|`[^`\n]+`', '', page.read_text(), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r'\]\(([^)#\s]+)', text):
            if '://' not in target and not (page.parent / target).exists():
                broken.append(f'{page.relative_to(ROOT)}: {target}')
    assert not broken


def test_the_page_shows_the_config_that_is_there():
    page = re.sub(r'^ {4}', '', (ROOT / 'docs/own_data.md').read_text(), flags=re.MULTILINE)
    assert (ROOT / 'docs/examples/own_data.py').read_text() in page


@pytest.mark.parametrize(('page', 'code'), python_blocks())
def test_the_python_examples_run(page, code, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    program = compile(code.replace('data/glyphs/annotations/glyphs_val.json', 'VAL.json'), page, 'exec')
    if page in PYTHON_NOT_RUN:
        return
    exec(program, {})
    if 'APr' in code:
        assert float(capsys.readouterr().out) > 0


def test_the_recipe_of_a_loss_keeps_the_contract(roi_batch):
    """The class of docs/add_a_loss.md equals cross entropy, and its scores are those of the softmax."""
    block = re.search(
        r'(?:^ {8}.*\n|^\n)+', (ROOT / 'docs/add_a_loss.md').read_text().split('has the rest of')[1], re.M
    )
    names: dict = {}
    exec(re.sub(r'^ {8}', '', block[0], flags=re.MULTILINE), names)
    loss = names['MyLoss'](num_classes=5)
    logits, labels = roi_batch(7, 5, extra_channels=1)
    torch.testing.assert_close(loss(logits, labels), torch.nn.functional.cross_entropy(logits, labels))
    torch.testing.assert_close(loss.get_activation(logits).sum(1), torch.ones(7, dtype=torch.float64))
    with pytest.raises(TypeError, match='has no argument'):
        names['MyLoss'](num_classes=5, lambda_=1)
