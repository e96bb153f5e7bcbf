from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch

from longtail_det.evaluation.lvis import ground_truth_table
from longtail_det.reports import DataSource
from longtail_det.reports.run_predictions import read_image_paths, read_run_predictions

from ..annotation_files import all_info, make_records

RLE = mask_utils.encode(np.asfortranarray(np.eye(8, dtype=np.uint8)))


@pytest.fixture
def gt(tmp_path):
    images = [
        {'id': 4, 'height': 8, 'width': 8, 'coco_url': 'http://host/val2017/4.jpg'},
        {'id': 9, 'height': 8, 'width': 8, 'file_name': 'nine.jpg'},
    ]
    categories = [{'id': 30, 'name': 'ant'}, {'id': 20, 'name': 'bee'}]
    data = {'images': images, 'annotations': [], 'categories': categories}
    (tmp_path / 'gt.json').write_text(json.dumps(data))
    return ground_truth_table(data)


@pytest.fixture
def images():
    instances = {'bboxes': torch.tensor([[1.0, 2, 4, 8]]), 'scores': torch.tensor([0.5]), 'labels': torch.tensor([1])}
    return [{'img_id': 9, 'img_path': 'a/b.jpg', 'pred_instances': {**instances, 'masks': [RLE]}}]


def read(gt, tmp_path, content, classes=None):
    path = tmp_path / ('r.json' if isinstance(content, str) else 'r.pkl')
    path.write_text(content) if isinstance(content, str) else path.write_bytes(pickle.dumps(content))
    return read_run_predictions(path, tmp_path, gt, DataSource(str(tmp_path / 'gt.json'), classes, 'data'))


def test_a_pickle_is_read_by_category_id(gt, images, tmp_path):
    found = read(gt, tmp_path, images)
    assert found.image_paths == {9: Path('a/b.jpg')}
    for metric in ('bbox', 'segm'):
        columns = found.of_metric(metric)
        assert (columns.image_ids.tolist(), columns.category_ids.tolist()) == ([9], [30])  # in the order of ids
        assert columns.boxes.tolist() == [[1, 2, 3, 6]]
    assert found.masks.masks == [RLE]


def test_the_classes_of_the_config_say_what_a_label_is_and_the_pickle_knows_better(gt, images, tmp_path):
    assert read(gt, tmp_path, images, classes=('ant', 'bee')).boxes.category_ids.tolist() == [20]
    images[0]['category_ids'] = (7, 30)
    assert read(gt, tmp_path, images, classes=('ant', 'bee')).boxes.category_ids.tolist() == [30]


def test_masks_may_have_scores_of_their_own(gt, images, tmp_path):
    images[0]['pred_instances']['mask_scores'] = torch.tensor([0.25])
    found = read(gt, tmp_path, images)
    assert (found.boxes.scores.tolist(), found.masks.scores.tolist()) == ([0.5], [0.25])


def test_a_results_json_finds_its_images_in_the_data(gt, tmp_path):
    record = {'image_id': 4, 'category_id': 20, 'score': 0.5, 'bbox': [1, 2, 3, 6]}
    found = read(gt, tmp_path, json.dumps([record]))
    assert found.image_paths == {4: Path('data/val2017/4.jpg'), 9: Path('data/nine.jpg')}
    assert found.image_paths == read_image_paths(str(tmp_path / 'gt.json'), 'data')
    assert found.boxes.boxes.tolist() == [[1, 2, 3, 6]]
    assert found.masks is None
    masked = read(gt, tmp_path, json.dumps([{**record, 'segmentation': {**RLE, 'counts': RLE['counts'].decode()}}]))
    assert masked.of_metric('segm') is masked.of_metric('bbox')


def test_the_images_of_lvis_v0_5_are_those_that_its_dataset_reads(request, tmp_path):
    """The file names those of COCO 2014; on the disk are those of COCO 2017."""
    pytest.importorskip('mmdet')
    load = request.getfixturevalue('load')
    records = make_records('v0.5')
    dataset = load(records)
    paths = read_image_paths(dataset.ann_file, str(tmp_path))
    assert paths == {info['img_id']: Path(info['img_path']) for info in all_info(dataset)}
    assert all(path.is_file() for path in paths.values())


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'bbox': 1}, r'r\.pkl holds a dict; expected the list of images'),
        ([{'img_id': 1}], 'predicted image 0 has no img_id or no pred_instances'),
        ('{"bbox": 1}', 'holds a dict; expected a list of result records'),
        ('[{"image_id": 4}]', "result record 0 has no 'category_id'"),
        ('[{"image_id": 4', r'r\.json is not valid json'),
    ],
)
def test_something_else_is_one_line_with_the_command(gt, tmp_path, content, message):
    with pytest.raises(ValueError, match=f'{message}.*; make it anew with python tools/test.py'):
        read(gt, tmp_path, content)


def test_missing_predictions_name_the_command_that_makes_them(gt, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no predictions at none\.pkl; make them with python tools/test\.py'):
        read_run_predictions(Path('none.pkl'), tmp_path, gt, DataSource('gt.json', None))
