"""The page of images is plain HTML, with links that lead to the files and names that stay text."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import unquote

from longtail_det.reports import PageImage, write_image_page


def test_every_image_is_shown_and_linked_by_its_file(tmp_path):
    files = ['a.png', 'deep/ü & "quoted" #1?.png']
    images = [PageImage(file, 'an image', [('ant 90', 'r')]) for file in files]
    html = write_image_page(tmp_path / 'index.html', 'Title', images, date='today', facts={}).read_text()
    for attribute in ('src', 'href'):
        found = re.findall(f'{attribute}="([^"]*png)"', html)
        assert [unquote(unescape(link)) for link in found] == files
    assert html.count('<span class="r">ant 90</span>') == 2
    assert 'http' not in html


def test_names_are_text(tmp_path):
    bad = '<script>alert("x")</script>'
    page = write_image_page(
        tmp_path / 'index.html', bad, [PageImage('a.png', bad, [(bad, 'r')], bad)], date=bad, facts={bad: bad}, note=bad
    )
    html = page.read_text()
    assert '<script' not in html
    assert unescape(html).count(bad) == 11
