from __future__ import annotations

import json

import pytest

from longtail_det.metrics import load_ground_truth

ANNOTATION = {'id': 5, 'image_id': 1, 'category_id': 1, 'bbox': [0, 0, 1, 1], 'area': 1}
GT = {'images': [], 'categories': [], 'annotations': [ANNOTATION]}


def test_what_is_read_is_what_was_written(tmp_path):
    (tmp_path / 'gt.json').write_text(json.dumps(GT))
    assert load_ground_truth(str(tmp_path / 'gt.json')) == GT


def test_a_test_split_needs_no_annotations(tmp_path):
    (tmp_path / 'gt.json').write_text(json.dumps({'images': [], 'categories': []}))
    assert load_ground_truth(str(tmp_path / 'gt.json'), metrics=()) == {'images': [], 'categories': []}


@pytest.mark.parametrize(
    ('text', 'metrics', 'message'),
    [
        ('{"images": [', ['bbox'], r'gt\.json is not valid json .*cut short'),
        ('[]', ['bbox'], r'gt\.json has no .* expected an LVIS or COCO annotation file'),
        ('{"images": [], "categories": []}', ['bbox'], r"has no 'annotations'.*format_only=True"),
        ('{"images": [], "annotations": []}', [], r"has no 'categories'"),
        (json.dumps(GT), ['bbox', 'segm'], r"annotation 5 has no 'segmentation'"),
        (json.dumps({**GT, 'annotations': [{'id': 2}]}), ['bbox'], r"annotation 2 has no 'image_id'"),
    ],
)
def test_an_unusable_file_is_one_line(tmp_path, text, metrics, message):
    (tmp_path / 'gt.json').write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        load_ground_truth(str(tmp_path / 'gt.json'), metrics)
    assert '\n' not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.json; set val_evaluator\.ann_file'):
        load_ground_truth(str(tmp_path / 'nowhere.json'))
