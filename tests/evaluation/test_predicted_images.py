"""The pickle of predicted images comes back as it was; anything else is named."""

from __future__ import annotations

import pickle

import pytest

from longtail_det.evaluation.predicted_images import read_predicted_images


def test_images_come_back(tmp_path):
    images = [{'img_id': 3, 'pred_instances': {'scores': [0.5]}, 'category_ids': (4,)}]
    (tmp_path / 'r.pkl').write_bytes(pickle.dumps(images))
    assert read_predicted_images(tmp_path / 'r.pkl') == images


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'text', r'r\.pkl is no pickle, or was cut short'),
        (pickle.dumps([{'img_id': 3}])[:-3], r'r\.pkl is no pickle, or was cut short'),
        (pickle.dumps({'bbox': 1}), r'r\.pkl holds a dict; expected the list of images'),
        (pickle.dumps([1, 2]), r'r\.pkl holds a list; expected the list of images'),
    ],
)
def test_anything_else_is_named(content, message, tmp_path):
    (tmp_path / 'r.pkl').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_predicted_images(tmp_path / 'r.pkl')


@pytest.mark.parametrize(
    ('ids', 'message'),
    [
        ('abc', "category_ids='abc'"),
        ([1, 'x'], r"category_ids=\[1, 'x'\]"),
        ([True], 'category_ids'),
        ([2**70], 'category_ids'),
        (7, 'category_ids=7'),
    ],
)
def test_category_ids_that_are_none_are_named(ids, message, tmp_path):
    (tmp_path / 'r.pkl').write_bytes(pickle.dumps([{'img_id': 3, 'category_ids': ids}]))
    with pytest.raises(ValueError, match=message):
        read_predicted_images(tmp_path / 'r.pkl')


def test_a_writer_without_category_ids_may_say_none(tmp_path):
    (tmp_path / 'r.pkl').write_bytes(pickle.dumps([{'img_id': 3, 'category_ids': None}]))
    assert read_predicted_images(tmp_path / 'r.pkl') == [{'img_id': 3}]


def test_encoded_masks_become_plain_dicts(tmp_path):
    pytest.importorskip('mmdet')
    from longtail_det.models.mask_heads.encoded_masks import EncodedMask

    image = {'img_id': 3, 'pred_instances': {'masks': [EncodedMask([2, 3], b'6')]}}
    (tmp_path / 'r.pkl').write_bytes(pickle.dumps([image]))
    (mask,) = read_predicted_images(tmp_path / 'r.pkl')[0]['pred_instances']['masks']
    assert type(mask) is dict
    assert mask == {'size': [2, 3], 'counts': b'6'}


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_predicted_images(tmp_path / 'none.pkl')
