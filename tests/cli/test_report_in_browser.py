"""The report as a reader meets it: in a browser, with names that try to be html."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtail_det.cli import report
from longtail_det.reports.page_parts import class_anchor

pytestmark = pytest.mark.slow

TAKEN = "document.title='taken'"
SCRIPT = f'</script><img src=x onerror="{TAKEN}">'
#: class -> training images, pixels by which its detections are beside its objects (None: there are none), AP in percent
CLASSES = {
    'ant': (4, 6, '50.0'),
    SCRIPT: (9, 0, '100.0'),
    f'"><svg/onload={TAKEN}>': (50, 2, '90.0'),
    'army_ant': (20, 3, '80.0'),
    '日本 100%': (700, None, '0.0'),
    f'javascript:{TAKEN}': (300, 4, '70.0'),
}
NAMES = list(CLASSES)


@pytest.fixture(scope='module')
def page(tmp_path_factory) -> Path:
    """A report on two images, each with an object of every class."""
    folder = tmp_path_factory.mktemp('page')
    annotations, results, images = [], [], []
    for i, file_name in enumerate(('1.png', f'<img src=x onerror={TAKEN}>.png'), 1):
        Image.fromarray(np.full((160, 160, 3), 90 * i, np.uint8)).save(folder / file_name)
        images.append({'id': i, 'height': 160, 'width': 160, 'file_name': file_name})
        for c, (_, shift, _) in enumerate(CLASSES.values(), 1):
            x, y = 5 + 50 * (c % 3), 10 + 60 * (c // 4)
            record = {'image_id': i, 'category_id': c, 'bbox': [x, y, 40, 40]}
            annotations.append({**record, 'id': 10 * i + c, 'area': 1600, 'iscrowd': 0})
            if shift is not None:
                results.append({**record, 'bbox': [x + shift, y, 40, 40], 'score': 0.9})
    categories = [{'id': c, 'name': name} for c, name in enumerate(NAMES, 1)]
    files = {
        'gt': {'images': images, 'annotations': annotations, 'categories': categories},
        'results': results,
        'train': {
            'image_count': [count for count, _, _ in CLASSES.values()],
            'instance_count': [count for count, _, _ in CLASSES.values()],
            'num_images': 900,
            'names': NAMES,
        },
    }
    for name, content in files.items():
        (folder / f'{name}.json').write_text(json.dumps(content))
    data = ['--ann', folder / 'gt.json', '--train-ann', folder / 'train.json', '--img-root', folder]
    arguments = [
        folder,
        *data,
        '--names',
        SCRIPT,
        '--metric',
        'bbox',
        '--intervals',
        '20',
        '--out',
        folder / 'page.html',
    ]
    assert report.main([str(argument) for argument in arguments]) == 0
    return folder / 'page.html'


@pytest.fixture
def tab(browser, page):
    """The page, just opened."""
    browser.open(page)
    return browser


def rows(tab) -> list[str]:
    return tab.texts('.classes tbody th')


def test_a_name_stays_text_and_nothing_is_asked_of_the_network(tab, page):
    assert sorted(rows(tab)) == sorted(NAMES)
    assert tab.texts('h1') == [SCRIPT]
    for name in NAMES:
        tab.run(f'location.hash = {json.dumps(class_anchor(name))}')
        assert tab.texts('.gallery:target h4') == [name]
    assert tab.run('document.title') == SCRIPT
    assert tab.run('document.querySelectorAll(\'img:not([src^="data:image/png"]), [onerror], [onload]\').length') == 0
    told = [event for event in tab.events if event['method'] in ('Log.entryAdded', 'Runtime.exceptionThrown')]
    assert not told
    requests = [e['params']['request']['url'] for e in tab.events if e['method'] == 'Network.requestWillBeSent']
    assert [url for url in requests if not url.startswith('data:')] == [page.as_uri()]


def test_the_policy_of_the_page_stops_what_would_come_from_elsewhere(tab):
    tab.run(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(SCRIPT)})")
    tab.run("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert tab.run('document.title') == SCRIPT
    told = ' '.join(e['params']['entry']['text'] for e in tab.events if e['method'] == 'Log.entryAdded')
    for directive in ('img-src data:', 'script-src', 'default-src'):
        assert directive in told


def test_typing_finds_classes_in_the_table_and_rings_them_in_the_figures(tab):
    assert tab.texts('.tools output') == ['6 classes']
    tab.click('.tools input')
    tab.write('ANT y')
    assert rows(tab) == ['army_ant']
    assert tab.texts('.tools output') == ['1 of 6 classes, ringed in the figures']
    ringed = tab.run("[...document.querySelectorAll('.marks .found')].map(e => e.getAttribute('href'))")
    assert ringed == ['#class-army_ant'] * 2  # in AP over training images and in the class frequency


def test_a_group_can_be_chosen(tab):
    tab.run("document.querySelector('.tools select').focus()")
    tab.write('r')
    assert rows(tab) == [SCRIPT, 'ant']


def test_heads_sort_by_pointer_and_by_key(tab):
    ap = {name: float(ap) for name, (_, _, ap) in CLASSES.items()}
    assert rows(tab) == sorted(NAMES, key=lambda name: -CLASSES[name][0])
    tab.click('.classes thead th:nth-child(5) button')
    assert rows(tab) == sorted(NAMES, key=lambda name: -ap[name])
    assert tab.run("document.querySelector('[aria-sort]').textContent") == 'Box AP'
    tab.press('Enter')
    assert rows(tab) == sorted(NAMES, key=lambda name: ap[name])
    assert tab.run("document.querySelector('[aria-sort]').ariaSort") == 'ascending'
    tab.click('.classes thead th:nth-child(2) button')
    assert tab.texts('.classes tbody td:nth-child(2)') == ['rare'] * 2 + ['common'] * 2 + ['frequent'] * 2


@pytest.mark.parametrize('name', NAMES[:2], ids=['plain', 'attack'])
def test_pointing_at_a_class_tells_its_row(tab, name):
    count, _, ap = CLASSES[name]
    tab.hover(f'.marks a[href="#{class_anchor(name)}"] > :last-child')
    assert tab.texts('.tip strong') == [name]
    lines = dict(zip(tab.texts('.tip th'), tab.texts('.tip td'), strict=True))
    told = lines.pop('Box AP')
    assert told == f'{ap} [{ap}, {ap}]'  # the same on all resamples: both images are alike
    assert lines == {'group': 'rare', 'training images': str(count), 'tested objects': '2'}
    tab.press('Escape')
    assert tab.texts('.tip') == []
    tab.hover(f'.marks a[href="#{class_anchor("army_ant")}"] > :last-child')
    assert tab.texts('.tip strong') == ['army_ant']
    tab.hover('h1')
    assert tab.texts('.tip') == []


@pytest.mark.parametrize('scripts', [True, False], ids=['scripts', 'no scripts'])
@pytest.mark.parametrize('place', ['.classes tbody', '.marks'])
def test_a_click_on_a_class_opens_its_gallery(browser, page, scripts, place):
    browser.allow_scripts(scripts)
    browser.open(page)
    shown = ['ant', SCRIPT]  # the worst and the best rare class
    assert browser.texts('.gallery h4') == shown
    name = '日本 100%'
    browser.click(f'{place} a[href="#{class_anchor(name)}"]{" > :last-child" if place == ".marks" else ""}')
    assert browser.texts('.gallery h4') == [*shown, name]
    assert browser.run('document.activeElement.id') == class_anchor(name)
    top = browser.run("document.querySelector('.gallery:target').getBoundingClientRect().top")
    assert 0 <= top < 900
    assert browser.texts('.gallery:target li') == ['missed'] * 2
    assert browser.texts('.gallery#class-ant li') == ['✓ ant 90'] * 2
    browser.click('.gallery:target a')
    assert browser.texts('.gallery h4') == shown
    assert browser.run('location.hash') == '#classes'


def test_without_scripts_all_can_be_read(browser, page):
    browser.allow_scripts(False)
    browser.open(page)
    assert len(rows(browser)) == len(NAMES)
    assert browser.texts('.tools, .classes button') == []
    titles = browser.run("[...document.querySelectorAll('.marks title')].map(e => e.textContent)")
    assert sorted(set(titles)) == sorted(NAMES)


@pytest.mark.parametrize('width', [320, 700, 1400])
def test_only_tables_scroll_sideways(browser, page, width):
    browser.resize(width, 800)
    browser.open(page)
    assert browser.run('document.documentElement.scrollWidth') <= width


def test_it_follows_the_light_and_the_dark_look(tab):
    seen = {}
    for scheme in ('light', 'dark'):
        tab.prefer(scheme)
        seen[scheme] = tab.run('getComputedStyle(document.body).backgroundColor')
    assert seen == {'light': 'rgb(246, 247, 248)', 'dark': 'rgb(23, 24, 26)'}
