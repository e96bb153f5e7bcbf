"""tools/analysis/rare_class_picture.py: which class it draws, and its mistakes in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from longtail_det.synthetic import PRESETS, make_glyphs

from ..docs.conftest import detection


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """The tiny glyphs, results that take every object for a frequent class, and results that find one rare class."""
    folder = tmp_path_factory.mktemp('glyphs') / 'data'
    make_glyphs(folder, PRESETS['tiny'])
    gt = json.loads((folder / 'annotations/glyphs_val.json').read_text())
    id_of = {group: [c['id'] for c in gt['categories'] if c['frequency'] == group] for group in 'rf'}
    sizes = {image['id']: [image['height'], image['width']] for image in gt['images']}
    found = [detection(annotation, sizes[annotation['image_id']]) for annotation in gt['annotations']]
    good = [record for record in found if record['category_id'] == id_of['r'][-1]]
    (folder / 'good.json').write_text(json.dumps(good))
    (folder / 'bad.json').write_text(json.dumps([{**record, 'category_id': id_of['f'][0]} for record in found]))
    return folder, next(c['name'] for c in gt['categories'] if c['id'] == id_of['r'][-1])


@pytest.fixture
def draw(load_script, data, tmp_path):
    script = load_script('analysis/rare_class_picture.py')
    folder, name = data
    drawn = []
    original = script.plot_class_gallery
    script.plot_class_gallery = lambda rows: drawn.extend(rows) or original(rows)

    def call(*more, runs=('bad', 'good')):
        files = [f'title of {run}={folder / run}.json' for run in runs]
        annotations = [str(folder / f'annotations/glyphs_{split}.json') for split in ('val', 'train')]
        out = tmp_path / 'new' / 'picture.png'
        where = ['--ann', annotations[0], '--train-ann', annotations[1], '--img-root', str(folder), '--out', str(out)]
        return script.main([*files, *where, *more]), drawn, out

    return call, name


def test_the_class_that_gains_most_is_drawn_with_both_runs(draw):
    call, name = draw
    code, (first, second), out = call('--objects', '2')
    assert code == 0
    assert np.asarray(Image.open(out)).std() > 0
    assert first.name == second.name == name
    assert (first.group, len(first.crops)) == ('r', 2)
    assert first.caption.startswith('title of bad\nbox AP 0.0\n')
    assert second.caption.startswith('title of good\nbox AP 100.0\n')
    assert all(name not in crop.found.names for crop in first.crops)
    assert all(crop.found.names == [name] for crop in second.crops)


def test_a_class_can_be_named(draw):
    call, name = draw
    assert call('--class', name, runs=('good', 'bad'))[1][0].caption.startswith('title of good\nbox AP 100.0')


@pytest.mark.parametrize(
    ('more', 'message'),
    [(['--class', 'no such'], "--class 'no such': no class of"), (['--img-root', 'nowhere'], 'image not found')],
)
def test_a_mistake_is_one_line(more, message, draw, capsys):
    assert draw[0](*more)[0] == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
