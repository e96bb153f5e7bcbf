"""The scores of a results json are corrected by the formula, and nothing else in it changes."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from longtail_det import cli


@pytest.fixture
def files(tmp_path, make_gt):
    """Training annotations of two categories, one of them on one image of three, and results on a new image."""
    train, results = tmp_path / 'train.json', tmp_path / 'results.json'
    places = [(1, 1), (1, 2), (2, 2), (3, 2)]
    gt = make_gt([(image, category, [10, 10, 40, 40]) for image, category in places], num_images=3)
    for image in gt['images']:
        image['file_name'] = 'x.jpg'
    train.write_text(json.dumps(gt))
    rows = [(1, 0.9), (2, 0.9), (2, 0.4), (1, 0.0), (2, 1.0)]
    records = [
        dict(image_id=70 + n, category_id=category, score=score, bbox=[0, 0, 5, 5], note='é')
        for n, (category, score) in enumerate(rows)
    ]
    results.write_text(json.dumps(records))
    return SimpleNamespace(train=train, results=results, records=records, out=tmp_path / 'deep' / 'new.json')


def run(files, *method, **changes):
    paths = {'results': files.results, 'counts': files.train, 'out': files.out, **changes}
    options = [text for key, value in paths.items() for text in (f'--{key}', str(value))]
    return cli.main(['calibrate', *options, '--calibration', *method])


def test_scores_are_those_of_the_formula_and_nothing_else_changes(files, capsys):
    assert run(files, 'norcal', 'gamma=0.6') == 0
    assert '5 records written' in capsys.readouterr().out
    written = json.loads(files.out.read_text())
    assert [{**record, 'score': 0} for record in written] == [{**record, 'score': 0} for record in files.records]
    count = {1: 1, 2: 3}
    for record, old in zip(written, files.records, strict=True):
        odds = old['score'] / (1 - old['score']) if old['score'] < 1 else math.inf
        odds /= count[old['category_id']] ** 0.6
        assert record['score'] == pytest.approx(odds / (1 + odds) if odds < math.inf else 1.0)


def test_many_records_of_a_class_keep_their_order(files):
    rng = np.random.default_rng(0)
    records = [dict(image_id=1, category_id=int(rng.integers(1, 3)), score=float(s)) for s in rng.random(3000)]
    files.results.write_text(json.dumps(records))
    for method in (['norcal', 'gamma=0.6'], ['logit-adjustment'], ['fracal', 'strength=2']):
        assert run(files, *method) == 0
        written = json.loads(files.out.read_text())
        categories = np.array([record['category_id'] for record in records])
        old, new = (np.array([record['score'] for record in rows]) for rows in (records, written))
        assert ((new >= 0) & (new <= 1)).all()
        for category in (1, 2):
            mine = categories == category
            assert (np.diff(new[mine][np.argsort(old[mine])]) > 0).all()


def test_strength_zero_leaves_the_scores(files):
    assert run(files, 'logit-adjustment', 'tau=0') == 0
    written = json.loads(files.out.read_text())
    assert [record['score'] for record in written] == pytest.approx([record['score'] for record in files.records])


@pytest.mark.parametrize(
    ('method', 'changes', 'message'),
    [
        (['iif'], {}, 'iif multiplies logits, and a score of a softmax does not say what its logits were; use norcal'),
        (['logn'], {}, 'logn needs mean and variance of the logits of training RoIs, which neither file holds'),
        (['norcal'], {'out': '{results}'}, 'is one of the files to read'),
        (['norcal'], {'results': '{train}'}, 'expected a list of result records'),
        (['norcal'], {'counts': 'missing.json'}, 'annotation file not found: missing.json'),
    ],
)
def test_what_cannot_be_corrected_is_one_line(files, method, changes, message, capsys):
    changes = {key: value.format(**vars(files)) for key, value in changes.items()}
    assert run(files, *method, **changes) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error


def test_scores_that_are_none_and_unknown_categories_are_one_line(files, capsys):
    for change, message in (
        (dict(score=3.0), 'a calibration needs probabilities'),
        (dict(category_id=9), 'category 9'),
    ):
        files.results.write_text(json.dumps([files.records[0], files.records[1] | change]))
        assert run(files, 'norcal') == 2
        assert message in capsys.readouterr().err
