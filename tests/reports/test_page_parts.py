from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.figure import Figure

from longtail_det.reports import ReportFigure, ReportSection
from longtail_det.reports.page_parts import class_anchor
from longtail_det.visualization import mark_classes

NAMES = ('ant', '</script><img src=x onerror=alert(1)>', 'a "b" \'c\' & d', '日本 %20#?')


class Links(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.links = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == 'a':
            self.links.append(dict(attrs))


@pytest.mark.parametrize('name', NAMES)
def test_an_anchor_is_a_fragment_that_needs_no_escape_and_names_one_class(name):
    anchor = class_anchor(name)
    assert re.fullmatch(r'class-[\w.~%-]+', anchor, re.ASCII)
    assert unquote(anchor.removeprefix('class-')) == name


def test_the_classes_of_a_figure_are_links_over_it():
    figure = Figure(figsize=(4, 2), dpi=100)
    axes = figure.subplots()
    mark_classes(axes.scatter(np.arange(4), np.arange(4), 200), [3, 1, 2, 0])
    html = ReportFigure(figure, 'T', 'C', 'A', NAMES).html()
    found = Links(html)
    assert [link['href'] for link in found.links] == [f'#{class_anchor(NAMES[label])}' for label in (3, 1, 2, 0)]
    assert 'viewBox="0 0 400 200"' in html
    assert [unescape(text) for text in re.findall(r'<title>(.*?)</title>', html)] == [NAMES[i] for i in (3, 1, 2, 0)]
    assert 'script' not in found.tags
    assert html.count('<img ') == 1
    assert '<svg' not in ReportFigure(figure, 'T', 'C', 'A').html()


def test_the_title_of_a_section_is_text():
    assert ReportSection('a <b>', '<p>x</p>').html() == '<h2>a &lt;b&gt;</h2>\n<p>x</p>'
