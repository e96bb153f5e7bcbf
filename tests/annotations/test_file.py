from __future__ import annotations

import json

import numpy as np
import pytest

from longtail_det.annotations import BadRecords, read_annotation_file, read_categories

from ..annotation_files import CATEGORY_IDS, make_records


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(make_records()))
    return path


def test_the_tables_hold_the_file(path):
    records = make_records()
    bad = BadRecords(str(path))
    file = read_annotation_file(path, bad)
    assert not bad.counts
    assert file.category_ids.tolist() == list(CATEGORY_IDS)
    assert file.images.ids.tolist() == [image['id'] for image in records['images']]
    assert file.images.sizes.tolist() == [[image['height'], image['width']] for image in records['images']]
    assert file.annotations.ids.tolist() == [annotation['id'] for annotation in records['annotations']]
    np.testing.assert_array_equal(file.annotations.boxes, [annotation['bbox'] for annotation in records['annotations']])
    assert len(file.annotations) == len(records['annotations'])


def test_the_order_of_the_arrays_in_the_file_does_not_matter(path):
    expected = read_annotation_file(path, BadRecords('')).annotations
    path.write_text(json.dumps(dict(reversed(make_records().items()))))
    assert read_annotation_file(path, BadRecords('')).annotations.ids.tolist() == expected.ids.tolist()


@pytest.mark.parametrize('reverse', [False, True])
def test_categories_alone_are_those_of_the_whole(path, reverse):
    records = make_records()
    path.write_text(json.dumps(dict(reversed(records.items())) if reverse else records))
    assert read_categories(path, BadRecords('')) == read_annotation_file(path, BadRecords('')).categories


def test_what_lies_behind_the_last_array_is_not_read(path):
    records = make_records()
    assert list(records)[-1] == 'categories'
    text = json.dumps(records)
    path.write_text(text[: text.rindex(']') + 1] + ', "and then')
    assert len(read_annotation_file(path, BadRecords('')).images) == len(records['images'])


def test_a_progress_bar_runs_to_the_end(path, capsys):
    read_annotation_file(path, BadRecords(''), show_progress=True)
    assert 'reading: 100%' in capsys.readouterr().err
    read_annotation_file(path, BadRecords(''))
    assert capsys.readouterr().err == ''
