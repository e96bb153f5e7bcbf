"""The page of an audit in a real browser: the same table, marks and policy as a report's."""

from __future__ import annotations

import pytest

from longtail_det.reports.audit import make_audit, read_split, write_audit_page

from .cases import NAMES, write_splits


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp('page')
    audit = make_audit(*map(read_split, write_splits(folder)))
    return write_audit_page(folder / 'audit.html', audit, title='Audit', date='today', facts={'data': 'x'})


def test_the_table_is_searched_and_sorted(browser, page):
    browser.open(page)
    names = '.classes tbody th'
    # by training images, as it is written, and names as text
    assert browser.texts(names) == ['unicorn', '<b>cup</b>', 'Traffic_Lights', 'traffic light', 'dog', 'person']
    browser.click('.tools input')
    browser.write('traffic')
    assert browser.texts(names) == ['Traffic_Lights', 'traffic light']
    browser.run("(e => { e.value = ''; e.dispatchEvent(new Event('input')); })(document.querySelector('.tools input'))")
    browser.click('.classes thead th:last-child button')
    assert set(browser.texts(names)[:4]) == {'unicorn', '<b>cup</b>', 'Traffic_Lights', 'traffic light'}
    assert not [event for event in browser.events if event['method'] in ('Log.entryAdded', 'Runtime.exceptionThrown')]


def test_the_classes_of_the_figures_can_be_pointed_at(browser, page):
    browser.open(page)
    marks = browser.run("[...document.querySelectorAll('.marks')].map(each => each.querySelectorAll('a').length)")
    assert marks == [len(NAMES)] * 2
    browser.hover('.marks a')
    (tip,) = browser.texts('.tip strong')
    assert tip in NAMES


def test_without_scripts_all_of_it_can_be_read(browser, page):
    browser.allow_scripts(False)
    browser.open(page)
    assert len(browser.texts('.classes tbody tr')) == len(NAMES)
    assert any('unicorn' in text for text in browser.texts('details'))
    assert not browser.texts('.tools')
