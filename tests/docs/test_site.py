"""The hook of the site: where files of the repository are in it, and how links between them change."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest

from .pages import ROOT

pytest.importorskip('mkdocs', reason='requirements/docs.txt is not installed')
pytestmark = pytest.mark.docs


@pytest.fixture(scope='module')
def hook():
    spec = importlib.util.spec_from_file_location('repository_pages', ROOT / 'docs/repository_pages.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ('source', 'old', 'new'),
    [
        ('docs/study.md', '../configs/study/study.yml', 'configs/study/study.yml'),
        ('docs/methods/pcb.md', '../../configs/glyphs/README.md#x', '../configs/glyphs/README.md#x'),
        ('configs/README.md', '../docs/methods/efl.md', '../methods/efl.md'),
        ('configs/README.md', 'seesaw/README.md', 'seesaw/README.md'),
        ('README.md', 'docs/faq.md', 'faq.md'),
        ('README.md', '.github/SECURITY.md', 'github/SECURITY.md'),
        ('.github/CONTRIBUTING.md', '../README.md', '../index.md'),
        ('docs/faq.md', 'https://example.com/README.md', 'https://example.com/README.md'),
        ('docs/faq.md', '#here', '#here'),
        ('docs/faq.md', 'not_there.md', 'not_there.md'),
    ],
)
def test_a_link_leads_to_the_same_file_in_the_site(hook, source, old, new):
    path = ROOT / source
    page = SimpleNamespace(file=SimpleNamespace(abs_src_path=str(path), src_uri=hook.site_path(path)))
    assert hook.on_page_markdown(f'[a]({old}) and ![b]({old})', page) == f'[a]({new}) and ![b]({new})'


def test_a_link_in_an_example_brings_no_file(hook, tmp_path, monkeypatch):
    monkeypatch.setattr(hook, 'ROOT', tmp_path)
    for name in ('a.md', 'b.md', 'c.md', 'd.md'):
        (tmp_path / name).touch()
    text = '[a](a.md) `[b](b.md)`\n\n    [c](c.md)\n\n```\n[d](d.md)\n```\n'
    (tmp_path / 'page.md').write_text(text)
    assert list(hook.linked_files(tmp_path / 'page.md')) == [tmp_path / 'a.md']
