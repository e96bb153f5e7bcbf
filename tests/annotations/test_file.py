from __future__ import annotations

import json

import numpy as np
import pytest

from longtail_det.annotations import BadRecords, read_annotation_file, read_categories, read_images, read_records

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
    place = {image['id']: row for row, image in enumerate(records['images'])}
    expected = sorted(records['annotations'], key=lambda annotation: place[annotation['image_id']])
    assert file.annotations.ids.tolist() == [annotation['id'] for annotation in expected]
    np.testing.assert_array_equal(file.annotations.boxes, [annotation['bbox'] for annotation in expected])
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


def test_a_progress_bar_runs_to_the_end(path, capsys):
    read_annotation_file(path, BadRecords(''), show_progress=True)
    assert 'reading: 100%' in capsys.readouterr().err
    read_annotation_file(path, BadRecords(''))
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize(('style', 'name'), [('v0.5', '{:012d}.jpg'), ('coco', '{:012d}.jpg'), ('v1', '{:012d}.jpg')])
def test_images_alone_are_those_of_the_whole(path, style, name):
    records = make_records(style)
    path.write_text(json.dumps(records))
    images = read_images(path, BadRecords(''))
    assert images.ids.tolist() == [image['id'] for image in records['images']]
    assert [file.split('/')[-1] for file in images.names] == [name.format(image['id']) for image in records['images']]
    assert images.names.tolist() == read_annotation_file(path, BadRecords('')).images.names.tolist()


def test_plain_records_are_those_of_the_json(path):
    records = make_records()
    found = read_records(path, BadRecords(''), need_masks=True)
    assert found == {key: records[key] for key in ('images', 'annotations', 'categories')}
    assert read_records(path, BadRecords(''), need_annotations=False) == {**found, 'annotations': []}


def test_plain_records_are_checked(path):
    records = make_records()
    empty = records['images'][-2]['id']  # no annotation refers to it
    del records['annotations'][2]['segmentation'], records['images'][-2]['width']
    path.write_text(json.dumps(records))
    bad = BadRecords('train.json')
    read_records(path, bad, need_masks=True)
    with pytest.raises(ValueError, match=rf'2 bad records: image {empty} has no width; annotation \d+ has no'):
        bad.refuse()


def test_masks_that_are_skipped_leave_the_rest_as_it_is(path):
    packed, skipped = (read_annotation_file(path, BadRecords(''), masks=masks).annotations for masks in (True, False))
    assert not skipped.has_mask.any()
    assert not skipped.has_rle.any()
    for name in ('ids', 'image_ids', 'category_ids', 'crowd', 'ignore', 'boxes', 'areas'):
        np.testing.assert_array_equal(getattr(skipped, name), getattr(packed, name))
