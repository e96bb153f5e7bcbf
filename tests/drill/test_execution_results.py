"""Nothing from a stranger is executed: results, run folders, datasets, archives, and text that others open."""

from __future__ import annotations

import csv
import json
import pickle
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from longtail_det.annotations import open_store
from longtail_det.cli.fetch import unpack
from longtail_det.datasets import LVISDataset

from ..annotation_files import make_records
from .payloads import PAYLOADS, RUNS, TOY_CONFIG, RunsCode, place, refused, run

pytestmark = pytest.mark.usefixtures(place.__name__)
#: names that a browser, a spreadsheet or a markdown viewer would act on
NAMES = ('<img src=x onerror=alert(1)>', "=HYPERLINK('http://x')", '@SUM(1+1)', '[a](http://x) `b` | c')
BOX, CORNERS = [4, 4, 10, 20], [4, 4, 14, 4, 14, 24]


def run_folder(config, names=NAMES):
    """A run of two images that was tested, its config and no predictions yet."""
    images = [{'id': i, 'height': 40, 'width': 30, 'file_name': f'{i}.png'} for i in (1, 2)]
    annotations = [
        {'id': c, 'image_id': 1 + c % 2, 'category_id': c, 'bbox': BOX, 'area': 200, 'segmentation': [CORNERS]}
        for c in range(1, len(names) + 1)
    ]
    categories = [{'id': c, 'name': name, 'frequency': 'r'} for c, name in enumerate(names, start=1)]
    Path('gt.json').write_text(json.dumps({'images': images, 'annotations': annotations, 'categories': categories}))
    Path('run/20250102_000000').mkdir(parents=True)
    Path('run/20250102_000000/20250102_000000.json').write_text(json.dumps({'lvis/bbox_AP': 0.2}))
    Path('run/config.py').write_text(config)
    return 'run'


PLAIN = "train_dataloader = test_dataloader = dict(dataset=dict(ann_file='gt.json'))\n"


def write_results(name, payload='a call'):
    """Results with a payload among the boxes."""
    if name.endswith('.npz'):
        columns = {'image_ids': np.array([1]), 'counts': np.array([1]), 'labels': np.array([0]), 'scores': np.ones(1)}
        with Path(name).open('wb') as stream:
            np.savez(stream, **columns, bboxes=np.array([PAYLOADS[payload]], dtype=object))
    else:
        found = {'bboxes': PAYLOADS[payload], 'scores': [0.5], 'labels': [0]}
        Path(name).write_bytes(pickle.dumps([{'img_id': 1, 'pred_instances': found}]))
    return name


WAYS = {
    'test --results': lambda name: ['test', TOY_CONFIG, '--results', write_results(name)],
    'eval --results': lambda name: ['eval', '--ann', 'gt.json', '--results', write_results(name)],
    'report --results': lambda name: ['report', 'run', '--results', write_results(name)],
    'report RUN': lambda name: ['report', Path(write_results(f'run/{name}')).parent],
}


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('suffix', ['.npz', '.pkl'])
def test_no_command_runs_results(way, suffix, capfd):
    run_folder(PLAIN)
    refused(capfd, *WAYS[way](f'results{suffix}'), because='pickle' if suffix == '.npz' else 'can run code')


@pytest.mark.parametrize('payload', PAYLOADS)
def test_no_payload_runs_in_results(payload, capfd):
    run_folder(PLAIN)
    because = 'is no pickle' if payload == 'a call in a storage' else 'can run code'
    refused(capfd, 'eval', '--ann', 'gt.json', '--results', write_results('r.pkl', payload), because=because)


@pytest.mark.parametrize('name', ['r.json', 'r.pkl'])
def test_calibrating_results_runs_none(name, capfd):
    run_folder(PLAIN)
    arguments = ['--counts', 'gt.json', '--calibration', 'norcal', 'gamma=0.6', '--out', 'new.json']
    refused(capfd, 'calibrate', '--results', write_results(name), *arguments, because='is it a pickle')


CONFIGS = {
    'a call': RUNS,
    'an import': 'import other',
    'a base': "_base_ = '../other.py'",
    # mmengine fills it in before it parses, so that the text ends where its value begins
    'a template': """x = '{{$NONE:' + str(open("trace", "w")) + '}}'""",
}


@pytest.mark.parametrize('config', CONFIGS)
def test_the_report_runs_no_config(config, capfd):
    Path('other.py').write_text(RUNS)
    refused(capfd, 'report', run_folder(f'{CONFIGS[config]}\n{PLAIN}'), because='give --trust-config')


def test_a_config_that_is_more_than_data_is_not_needed_where_the_files_are_named():
    assert run('report', run_folder(RUNS + PLAIN), '--ann', 'gt.json', '--train-ann', 'gt.json') == 0


def test_a_config_runs_where_its_reader_says_so():
    assert run('report', run_folder(f'size = 1 + 1\n{PLAIN}'), '--trust-config') == 0


class Tags(HTMLParser):
    """The tags of a page, and what they listen to."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_names_stay_text_in_every_file_of_a_report():
    results = [{'image_id': 1, 'category_id': 1, 'score': 0.5, 'bbox': BOX}]
    folder = run_folder(PLAIN)
    Path(folder, 'results.json').write_text(json.dumps(results))
    assert run('report', folder, '--names', NAMES[0] + NAMES[3], '--title', NAMES[0], '--num-images', '0') == 0
    page = Path(folder, 'report.html').read_text()
    images = [attributes for tag, attributes in Tags(page).found if tag == 'img']
    assert images
    assert all(attributes['src'].startswith('data:image/png') and 'onerror' not in attributes for attributes in images)
    text = Path(folder, 'report.md').read_text()
    assert '<img' not in text
    assert not re.search(r'(?<!\\)[`\]]', text)
    assert len({line.replace('\\|', '').count('|') for line in text.splitlines() if line.startswith('|')}) <= 2
    for name in ('report.csv', 'report.classes.csv'):
        cells = [cell for row in csv.reader(Path(folder, name).read_text().splitlines()) for cell in row]
        assert not [cell for cell in cells if cell.startswith(('=', '+', '-', '@'))]


def test_names_are_no_formulas_in_the_table_of_classes():
    run_folder(PLAIN)
    Path('r.json').write_text(json.dumps([{'image_id': 1, 'category_id': 2, 'score': 0.5, 'bbox': BOX}]))
    assert run('eval', '--ann', 'gt.json', '--results', 'r.json', '--classwise', 'classes.csv') == 0
    rows = list(csv.reader(Path('classes.csv').read_text().splitlines()))
    assert [row[1] for row in rows[1:]] == [NAMES[0], "'" + NAMES[1], "'" + NAMES[2], NAMES[3]]


def test_members_of_an_archive_stay_in_their_folder(place):
    with zipfile.ZipFile('images.zip', 'w') as archive:
        for name in ('train/../../trace', '/trace', 'train/a/trace'):
            archive.writestr(name, 'x')
    unpack(Path('images.zip'), r'.*trace', place / 'deep/folder')
    assert [path.name for path in place.rglob('trace')] == ['trace']
    (place / 'deep/folder/trace').unlink()


def test_a_store_runs_no_array():
    Path('train.json').write_text(json.dumps(make_records()))
    folder = open_store('train.json').folder
    np.save(folder / 'annotations.ids.npy', np.array([RunsCode()], dtype=object), allow_pickle=True)
    assert len(open_store('train.json').annotations)


@pytest.mark.parametrize('name', ['proposals.pkl', 'proposals.yaml'])
def test_a_dataset_runs_no_proposals(name):
    Path('train.json').write_text(json.dumps(make_records()))
    content = pickle.dumps({'a': RunsCode()}) if name.endswith('.pkl') else b'!!python/object/apply:open [trace, w]'
    Path(name).write_bytes(content)
    with pytest.raises(ValueError, match=r'can run code|is no pickle'):
        LVISDataset(ann_file='train.json', proposal_file=name, pipeline=[], lazy_init=True).load_proposals()
