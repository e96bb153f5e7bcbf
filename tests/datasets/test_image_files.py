"""Which image file belongs to a record, and what happens where it is missing."""

from __future__ import annotations

import pytest

from longtail_det.datasets import LVISDataset

from ..annotation_files import all_info, make_records


@pytest.mark.parametrize(
    ('record', 'expected'),
    [
        ({'coco_url': 'http://images.cocodataset.org/train2017/000000391895.jpg'}, 'train2017/000000391895.jpg'),
        ({'coco_url': 'http://host/val2017/000000391895.jpg', 'neg_category_ids': []}, 'val2017/000000391895.jpg'),
        ({'file_name': 'COCO_val2014_000000000123.jpg', 'neg_category_ids': [1]}, '000000000123.jpg'),
        ({'file_name': 'COCO_train2014_000000000123.jpg', 'neg_category_ids': [1]}, '000000000123.jpg'),
        ({'file_name': '000000000123.jpg', 'neg_category_ids': [1]}, '000000000123.jpg'),
        ({'file_name': 'COCO_val2014_000000000123.jpg'}, 'COCO_val2014_000000000123.jpg'),
        ({'file_name': 'COCO_and_me.jpg', 'neg_category_ids': []}, 'COCO_and_me.jpg'),
        ({'file_name': 'a/b.png', 'coco_url': 'http://host/x/y.jpg'}, 'a/b.png'),
        ({'file_name': '/absolute/b.png'}, '/absolute/b.png'),
    ],
)
def test_file_names(record, expected, write, monkeypatch):
    monkeypatch.setattr('os.path.exists', lambda path: True)
    base = {'id': 1, 'height': 9, 'width': 9}
    path = write(
        {'images': [base | record], 'annotations': [], 'categories': [{'id': 1, 'name': 'a'}]}, with_images=False
    )
    dataset = LVISDataset(ann_file=path, data_root='/data', data_prefix={'img': 'coco'})
    assert dataset.get_data_info(0)['img_path'] == (expected if expected[0] == '/' else f'/data/coco/{expected}')


def test_looking_for_every_image(load, tmp_path):
    records = make_records()
    whole = load(records, check_images=True)
    lost = whole.get_data_info(4)
    (tmp_path / lost['img_path']).unlink()
    options = {'ann_file': str(tmp_path / 'train.json'), 'data_root': f'{tmp_path}/', 'check_images': True}
    with pytest.raises(ValueError, match=f'1 bad record: image file not found: .*{lost["img_id"]}.jpg'):
        LVISDataset(**options)
    without = LVISDataset(on_bad='skip', **options)
    assert len(without) == len(whole) - 1
    kept = [info for info in all_info(whole) if info['img_id'] != lost['img_id']]
    assert [info['instances'] for info in all_info(without)] == [info['instances'] for info in kept]
    assert without.class_statistics == whole.get_subset([i for i in range(len(whole)) if i != 4]).class_statistics


def test_images_of_another_backend_are_left_to_it(write):
    path = write(make_records(), with_images=False)
    LVISDataset(ann_file=path, data_prefix={'img': 's3://bucket/coco'})
    LVISDataset(ann_file=path, backend_args={'backend': 'local'})
