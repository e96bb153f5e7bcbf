"""Random changes of a small file: what reads it takes it, or says in one line why not; never anything else."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtail_det.datasets import LVISDataset
from longtail_det.datasets.masks.run_lengths import encode_mask
from longtail_det.evaluation import evaluate_detections, read_ground_truth, read_results

from ..annotation_files import BOX, compressed_rle, good_records
from .bad_results import RESULT

#: LONGTAIL_DET_FUZZ=5000 looks longer
EXAMPLES = int(os.environ.get('LONGTAIL_DET_FUZZ', '40'))
ODD = [None, True, '', 'x', [], {}, 0, -1, 1.5, 2**31, 2**70, 10**400, -1e9, 1e300, float('nan'), float('inf')]
ODD += [[[1, 2]], [[0, 0, 9, 0, 9, float('nan')]], compressed_rle(*BOX), {'size': [60, 80], 'counts': [5, 10**9]}]
VALUES = st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.integers(), max_size=4)
#: what only one of the two needs: file names are for training, groups are for evaluation, and masks where they count
ONE_NEEDS = ('image file not found', 'no file_name', 'frequency', 'image_count', 'no segmentation', 'leaves none')
PIPELINE = [{'type': 'LoadAnnotations', 'with_bbox': True, 'with_mask': True}]


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@st.composite
def changed(draw, document: Any) -> Any:
    """Return a copy with one to three values replaced, removed, doubled or swapped for one from elsewhere."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *way, key = draw(st.sampled_from(list(places(document))))
        parent = document
        for step in way:
            parent = parent[step]
        action = draw(st.sampled_from(['replace', 'replace', 'remove', 'double', 'swap']))
        if action == 'remove':
            del parent[key]
        elif action == 'double' and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        elif action == 'swap':
            *other, last = draw(st.sampled_from(list(places(document))))
            source = document
            for step in other:
                source = source[step]
            parent[key] = copy.deepcopy(source[last])
        else:
            parent[key] = copy.deepcopy(draw(VALUES))
        if not list(places(document)):
            break
    return document


def full_records() -> dict[str, Any]:
    """The good file, with everything that a real one may hold."""
    records = good_records()
    records['annotations'][1]['segmentation'] = compressed_rle(*BOX)
    records['annotations'][2]['segmentation'] = {'size': [60, 80], 'counts': [10, 4790]}
    records['annotations'][3] |= {'iscrowd': 1, 'ignore': 0}
    for category, group in zip(records['categories'], 'rcfr', strict=True):
        category['frequency'] = group
    return records


def complaint(read: Any) -> str:
    """Return the line with which something is refused; empty where it is taken."""
    line = ''
    try:
        read()
    except (ValueError, FileNotFoundError) as error:
        line = str(error)
    assert '\n' not in line
    assert len(line) < 2000
    return line


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    logging.disable(logging.WARNING)
    folder = tmp_path_factory.mktemp('fuzz')
    for record in good_records()['images']:
        path = folder / '/'.join(record['coco_url'].split('/')[-2:])
        path.parent.mkdir(exist_ok=True)
        path.touch()
    yield folder
    logging.disable(logging.NOTSET)


LONG = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


@LONG
@given(document=changed(full_records()))
def test_an_annotation_file(document, place):
    path = place / 'fuzz.json'
    path.write_text(json.dumps(document))
    options = {'ann_file': str(path), 'data_root': str(place), 'store': False}

    def train(on_bad: str) -> Any:
        dataset = LVISDataset(pipeline=PIPELINE, on_bad=on_bad, **options)
        infos = [dataset.get_data_info(number) for number in range(len(dataset))]
        return [
            encode_mask(instance['mask'], info['height'], info['width'])
            for info in infos
            for instance in info['instances']
        ]

    def score(on_bad: str) -> Any:
        gt = read_ground_truth(path, ['bbox', 'segm'], on_bad=on_bad)
        return [gt.rle(row) for row in range(len(gt.pairs))]

    training, evaluation = complaint(lambda: train('error')), complaint(lambda: score('error'))
    if not any(reason in training + evaluation for reason in ONE_NEEDS):
        assert bool(training) == bool(evaluation), (training, evaluation)
    for read in (train, score):
        complaint(lambda read=read: read('skip'))


@LONG
@given(document=changed([RESULT, {**RESULT, 'image_id': 2}, {**RESULT, 'score': 0.25}]))
def test_a_results_file(document, place):
    (place / 'good.json').write_text(json.dumps(full_records()))
    (place / 'results.json').write_text(json.dumps(document))
    gt = read_ground_truth(place / 'good.json', ['bbox', 'segm'])
    metrics = ['bbox', 'segm', 'boundary']
    complaint(lambda: evaluate_detections(gt, read_results(place / 'results.json', metrics), metrics))
