"""What the README and the pages say is so: numbers, names, versions, files and examples."""

from __future__ import annotations

import re

import pytest
import torch

from longtail_det import losses
from longtail_det.cli.commands import COMMANDS

from .pages import PAGES, ROOT, python_blocks

pytestmark = pytest.mark.docs
README = (ROOT / 'README.md').read_text()


def section(title: str) -> str:
    """The text below a headline of the README."""
    return README.split(f'## {title}\n')[1].split('\n## ')[0]


def table_rows(text: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in text.splitlines() if line.startswith('|')]
    return rows[2:]


def test_every_number_of_the_claims_is_in_the_benchmarks_with_its_command():
    benchmarks = (ROOT / 'tools/benchmarks/README.md').read_text()
    rows = table_rows(section('What it does better'))
    assert len(rows) >= 8
    for what, ours, theirs, command in rows:
        for number in re.findall(r'\d+(?:\.\d+)?', f'{ours} {theirs}'):
            assert re.search(rf'(?<![\d.]){re.escape(number)}(?![\d.]*\d)', benchmarks), f'{what}: {number}'
        script = re.match(r'`python (tools/benchmarks/\w+\.py)', command)
        assert command == 'the same' or (script and (ROOT / script[1]).is_file())


def test_the_table_of_commands_is_that_of_the_program():
    assert table_rows(section('Commands')) == [[f'`{name}`', about.summary] for name, about in COMMANDS.items()]


def test_the_components_exist():
    """Losses here; the other names are registered, which tests/test_registration.py knows."""
    names = set(
        re.findall(r'`(\w+)`', '\n'.join(line for line in README.splitlines() if line.startswith('| losses of')))
    )
    assert names == {loss.__name__ for loss in (*losses.ROI_LOSSES, *losses.DENSE_LOSSES)}
    assert f'{len(names)} losses, resampling' in README


def test_the_badges_are_true():
    setup = (ROOT / 'tools/setup_env.sh').read_text()
    first, last = re.search(r'install Python (3\.\d+) to (3\.\d+)', setup).groups()
    assert f'![Python {first} to {last}](docs/images/python.svg)' in README
    assert f'>{first} to {last}<' in (ROOT / 'docs/images/python.svg').read_text()
    assert 'license = "Apache-2.0"' in (ROOT / 'pyproject.toml').read_text()


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
    code = code.replace('data/glyphs/annotations/glyphs_val.json', 'VAL.json')
    exec(compile(code, page, 'exec'), {})
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
