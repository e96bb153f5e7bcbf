"""The rows are the numbers of the table; what a reader could mistake for html or a link is text."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.reports.class_section import class_section
from longtail_det.reports.page_parts import class_anchor
from longtail_det.statistics import Interval

NAN = float('nan')
ATTACK = '</script><img src=x onerror=alert(1)>'


@pytest.fixture
def table():
    ap = {'base': {'bbox': np.array([0.1, 0.5, NAN])}, 'new': {'bbox': np.array([0.25, 0.5, NAN])}}
    names = ('ant_hill', ATTACK, 'bee')
    return ClassTable(np.arange(3), names, np.array(['r', 'f', 'c']), np.array([3, 900, 20]), np.array([4, 5, 0]), ap)


def cells(html):
    rows = re.findall(r'<tr.*?</tr>', html, re.DOTALL)
    return [[unescape(re.sub(r'<[^>]+>', '', cell)) for cell in re.findall(r'<t[hd].*?</t[hd]>', row)] for row in rows]


def test_a_row_holds_counts_ap_intervals_and_differences(table):
    names = table.names
    intervals = {
        run: {
            f'AP/{name}': Interval(*([NAN] * 3 if np.isnan(ap) else [ap, ap - 0.05, ap + 0.1]))
            for name, ap in zip(names, of_run['bbox'], strict=True)
        }
        for run, of_run in table.ap.items()
    }
    gains = [Interval(0.15, 0.05, 0.2), Interval(0.0, -0.1, 0.1), Interval(NAN, NAN, NAN)]
    differences = {'new': {f'AP/{name}': gain for name, gain in zip(names, gains, strict=True)}}
    section = class_section(table, 'bbox', intervals, differences, [names[0]])
    assert cells(section.body) == [
        ['class', 'group', 'training images', 'tested objects', 'base', 'new', 'new - base'],
        [ATTACK, 'frequent', '900', '5', '50.0 [45.0, 60.0]', '50.0 [45.0, 60.0]', '+0.0 [-10.0, +10.0]'],
        ['bee', 'common', '20', '0', '-', '-', '-'],
        ['ant_hill', 'rare', '3', '4', '10.0 [5.0, 20.0]', '25.0 [20.0, 35.0]', '+15.0 [+5.0, +20.0]'],
    ]
    assert re.findall(r'<b>(.*?)</b>', section.body) == ['+15.0']  # zero is outside


def test_without_intervals_there_is_the_ap_alone(table):
    table.ap.pop('new')
    rows = cells(class_section(table, 'bbox', {}, {}, []).body)
    assert [row[4:] for row in rows] == [['Box AP'], ['50.0'], ['-'], ['10.0']]


def test_a_class_is_the_target_of_its_links_unless_a_gallery_is(table):
    html = class_section(table, 'bbox', {}, {}, ['bee']).body
    assert re.findall(r'<tr id="(.*?)"', html) == [class_anchor(ATTACK), class_anchor('ant_hill')]
    assert re.findall(r'<a href="(.*?)">(.*?)</a>', html) == [('#class-bee', 'bee')]
    assert '<img' not in html
