from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from longtail_det.evaluation import read_ground_truth
from longtail_det.evaluation.lvis import ground_truth_table

GT = {
    'images': [{'id': 1, 'height': 4, 'width': 4}],
    'categories': [{'id': 1, 'name': 'ant'}],
    'annotations': [{'id': 5, 'image_id': 1, 'category_id': 1, 'bbox': [0, 0, 1, 1], 'area': 1}],
}


@pytest.mark.parametrize('store', [False, True])
@pytest.mark.parametrize('keys', [['images', 'annotations', 'categories'], ['categories', 'annotations', 'images']])
def test_the_file_gives_the_table_of_the_json(lvis_case, tmp_path, keys, store):
    gt, _ = lvis_case(0)
    path = tmp_path / 'val.json'
    path.write_text(json.dumps({'info': {}, 'licenses': [{}], **{key: gt[key] for key in keys}}))
    table, expected = read_ground_truth(str(path), ['bbox', 'segm'], store=store), ground_truth_table(gt)
    for field in fields(table):
        if not field.name.startswith('segmentation'):
            np.testing.assert_array_equal(getattr(table, field.name), getattr(expected, field.name))
    assert [table.segmentation(row) for row in range(len(table.pairs))] == [
        expected.segmentation(row) for row in range(len(expected.pairs))
    ]
    assert table.segmentations[:3] == [table.segmentations[row] for row in range(3)]
    assert len(table.segmentations) == len(expected.segmentations)


@pytest.mark.parametrize('store', [False, True])
def test_a_file_that_is_changed_or_deleted_after_reading_still_gives_its_masks(lvis_case, tmp_path, store):
    gt, _ = lvis_case(1)
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(gt))
    table, expected = read_ground_truth(path, ['segm'], store=store), ground_truth_table(gt)
    path.write_text('{}')
    assert table.segmentation(0) == expected.segmentation(0)
    path.unlink()
    assert table.segmentation(1) == expected.segmentation(1)


ODD_MASKS = {
    'two points': [[0, 0, 2, 2]],
    'empty': [],
    'null': None,
    'no text': '',
    'text': 'text',
    'no counts': {'size': [4, 4]},
    'a line beside a polygon': [[0, 0, 3, 0, 3, 3], [1, 1]],
    'counts overrun': {'size': [4, 4], 'counts': [5, 1000000000]},
    'garbage': {'size': [4, 4], 'counts': 'garbage!'},
    'another size': {'size': [2, 8], 'counts': [10, 6]},
    'nan': [[0, 0, 3, 0, 3, float('nan')]],
}


@pytest.mark.parametrize('store', [False, True])
@pytest.mark.parametrize('mask', ODD_MASKS.values(), ids=ODD_MASKS)
def test_masks_that_no_dataset_takes_are_refused_or_skipped(tmp_path, mask, store, caplog):
    path = tmp_path / 'val.json'
    odd = {**GT['annotations'][0], 'id': 9, 'segmentation': mask}
    good = {**GT['annotations'][0], 'segmentation': [[0, 0, 3, 0, 3, 3]]}
    path.write_text(json.dumps({**GT, 'annotations': [odd, good]}))
    with pytest.raises(ValueError, match=r'1 bad record: annotation 9'):
        read_ground_truth(path, ['segm'], store=store)
    table = read_ground_truth(path, ['segm'], store=store, on_bad='skip')
    assert 'left out 1 ' in caplog.text
    expected = [9, 5] if mask == ODD_MASKS['a line beside a polygon'] else [5]
    assert table.object_ids.tolist() == expected
    assert table.segmentation(0) == [[0, 0, 3, 0, 3, 3]]


def test_a_test_split_needs_no_annotations(tmp_path):
    (tmp_path / 'gt.json').write_text(json.dumps({key: GT[key] for key in ('images', 'categories')}))
    assert len(read_ground_truth(str(tmp_path / 'gt.json'), metrics=()).pairs) == 0


@pytest.mark.parametrize(
    ('text', 'metrics', 'message'),
    [
        ('{"images": [', ['bbox'], r'gt\.json is not valid json.*cut short'),
        ('[]', ['bbox'], r"gt\.json is no LVIS or COCO annotation file.*found '\[\]' at its start"),
        ('{"images": [], "categories": []}', ['bbox'], r'gt\.json has no annotations.*format_only=True'),
        ('{"images": [], "annotations": []}', [], r'gt\.json has no categories'),
        (json.dumps({**GT, 'images': []}), ['bbox'], r'gt\.json holds no usable images'),
        (json.dumps(GT), ['bbox', 'segm'], r'gt\.json: 1 bad record: annotation 5 has no segmentation'),
        (json.dumps({**GT, 'annotations': [{'id': 2}]}), ['bbox'], r'annotation 2 has no image_id, category_id, bbox'),
    ],
)
def test_an_unusable_file_is_one_line(tmp_path, text, metrics, message):
    (tmp_path / 'gt.json').write_text(text)
    for store in (True, True, False):
        with pytest.raises(ValueError, match=message) as error:
            read_ground_truth(str(tmp_path / 'gt.json'), metrics, store=store)
    assert '\n' not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'annotation file not found: s3://nowhere\.json$'):
        read_ground_truth(str(tmp_path / 'nowhere.json'), name='s3://nowhere.json')
