from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import matplotlib
import pytest
from matplotlib.figure import Figure

from longtail_det.evaluation import AP_COLUMNS
from longtail_det.reports import ReportFigure, write_report
from longtail_det.reports.page_files import content_policy, page_script, page_style
from longtail_det.visualization import figure_png, plot_ap_by_group

RESULTS = {'bbox': {'AP': 0.219, 'AP50': 0.4, 'APr': 0.106, 'APf': -1}, 'segm': {'AP': 0.142}}
VOID = {'meta', 'img', 'br', 'link', 'input'}


class Page(HTMLParser):
    """Tags with their attributes; fails on a tag that is not closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.stack, self.cells, self.images = [], [], [], []
        self.feed(html)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] in ('td', 'th'):
            self.cells.append(data)


@pytest.fixture
def figures():
    return [
        ReportFigure(plot_ap_by_group({'run': RESULTS}), 'First', 'Caption <one>', 'alt "one"'),
        ReportFigure(Figure(figsize=(1, 1)), 'Second', 'Caption two', 'alt two'),
    ]


@pytest.fixture
def html(figures, tmp_path):
    path = write_report(
        tmp_path / 'new' / 'report.html',
        'Title & <tag>',
        {'run': RESULTS},
        figures,
        date='2025-01-02 03:04',
        facts={'config': 'a<b.py', 'see': 'https://example.org/'},
        notes=['something is missing'],
    )
    assert path == tmp_path / 'new' / 'report.html'
    return path.read_text(encoding='utf-8')


def test_nothing_is_loaded_from_elsewhere(html):
    for tag, attributes in Page(html).tags:
        assert tag not in {'link', 'iframe', 'object', 'embed', 'base'}
        for key in ('src', 'srcset', 'href', 'poster', 'data'):
            assert attributes.get(key, 'data:').startswith('data:'), (tag, attributes)
    assert f'content="{content_policy(page_style(), page_script())}"' in html
    style = re.search(r'<style>(.*?)</style>', html, re.DOTALL)[1]
    assert 'url(' not in style
    assert '@import' not in style


def test_every_figure_is_embedded_with_its_words(html, figures):
    images = [attributes for tag, attributes in Page(html).tags if tag == 'img']
    assert [image['alt'] for image in images] == ['alt "one"', 'alt two']
    for image, figure in zip(images, figures, strict=True):
        assert base64.b64decode(image['src'].removeprefix('data:image/png;base64,')) == figure_png(figure.figure)
    assert 'Caption &lt;one&gt;' in html
    assert '<h2>Second</h2>' in html


def test_the_table_holds_the_results(html):
    cells = Page(html).cells
    assert cells == [
        'metric',
        *('box', '21.9', '40.0', '-', '-', '-', '-', '10.6', '-', '-'),
        *('mask', '14.2', '-', '-', '-', '-', '-', '-', '-', '-'),
    ]
    assert re.findall(r'<abbr title="[^"]+">(\w+)</abbr>', html) == list(AP_COLUMNS)


def test_what_was_given_is_there_and_escaped(html):
    for text in (
        '<title>Title &amp; &lt;tag&gt;</title>',
        '2025-01-02 03:04',
        'a&lt;b.py',
        '<li>something is missing</li>',
    ):
        assert text in html
    assert '<tag>' not in html


def test_it_follows_light_and_dark_mode(html):
    assert 'color-scheme: light dark' in html
    assert '@media (prefers-color-scheme: dark)' in html


def test_several_runs_are_named_in_the_table(tmp_path):
    path = write_report(tmp_path / 'r.html', 'T', {'a': RESULTS, 'b': RESULTS}, [], date='', facts={})
    assert [cell for cell in Page(path.read_text()).cells if ',' in cell] == ['a, box', 'a, mask', 'b, box', 'b, mask']


def test_the_reader_keeps_his_own_figure_style():
    before = dict(matplotlib.rcParams)
    figure_png(plot_ap_by_group({'run': RESULTS}))
    assert dict(matplotlib.rcParams) == before
