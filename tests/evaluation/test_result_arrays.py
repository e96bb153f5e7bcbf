"""Predicted images come back from arrays as they were; a file of anything else is one line."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from longtail_det.evaluation.predicted_images import read_predicted_images
from longtail_det.evaluation.result_arrays import read_result_arrays, write_result_arrays


def make_images(masks=True, mask_scores=True):
    rng = np.random.default_rng(0)
    images = []
    for img_id, number in ((7, 3), (2, 0), (2**40, 5)):
        found = {
            'bboxes': rng.uniform(0, 50, (number, 4)).astype(np.float32),
            'scores': rng.uniform(0, 1, number).astype(np.float32),
            'labels': rng.integers(0, 2, number),
        }
        if masks:
            found['masks'] = [{'size': [60, 50 + k], 'counts': b'x' * k} for k in range(number)]
        if mask_scores:
            found['mask_scores'] = found['scores'] / 2
        image = {'img_id': img_id, 'pred_instances': found, 'ori_shape': (60, 50), 'img_path': f'a/é {img_id}.jpg'}
        images.append(image | {'category_ids': (4, 9)})
    return images


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        ours, theirs = dict(ours), dict(theirs)
        instances, wanted = ours.pop('pred_instances'), theirs.pop('pred_instances')
        assert ours == theirs
        assert instances.keys() == wanted.keys()
        assert instances.pop('masks', None) == wanted.get('masks')
        for key, value in instances.items():
            np.testing.assert_array_equal(value, wanted[key])
            assert value.dtype == wanted[key].dtype


@pytest.mark.parametrize(('masks', 'mask_scores'), [(True, True), (True, False), (False, False)])
def test_images_come_back(masks, mask_scores, tmp_path):
    images = make_images(masks, mask_scores)
    write_result_arrays(tmp_path / 'r.npz', images)
    assert_same(read_predicted_images(tmp_path / 'r.npz'), images)


@pytest.mark.parametrize('end', [1, 2])
def test_few_images_come_back(end, tmp_path):
    images = make_images()[1:end]
    write_result_arrays(tmp_path / 'r.npz', images)
    assert_same(read_result_arrays(tmp_path / 'r.npz'), images)


def test_only_what_is_known_of_every_image_is_kept(tmp_path):
    images = make_images()
    del images[1]['img_path'], images[1]['ori_shape']
    write_result_arrays(tmp_path / 'r.npz', images)
    assert read_result_arrays(tmp_path / 'r.npz')[0].keys() == {'img_id', 'pred_instances', 'category_ids'}


@pytest.mark.parametrize('key', ['scores', 'masks', 'mask_scores'])
def test_an_image_that_lacks_what_others_have_is_named(key, tmp_path):
    images = make_images()
    del images[2]['pred_instances'][key]
    with pytest.raises(ValueError, match=f'was predicted without {key}'):
        write_result_arrays(tmp_path / 'r.npz', images)


@pytest.mark.parametrize('tenths', range(10))
def test_a_file_cut_short_is_one_line(tenths, tmp_path):
    path = tmp_path / 'r.npz'
    write_result_arrays(path, make_images())
    path.write_bytes(path.read_bytes()[: path.stat().st_size * tenths // 10])
    with pytest.raises(ValueError, match=r'r\.npz is no results file of arrays, or was cut short') as caught:
        read_result_arrays(path)
    assert '\n' not in str(caught.value)


def test_a_byte_that_changed_is_noticed(tmp_path):
    path = tmp_path / 'r.npz'
    write_result_arrays(path, make_images())
    raw = bytearray(path.read_bytes())
    raw[raw.index(b'bboxes.npy') + 150] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ValueError, match='is no results file of arrays'):
        read_result_arrays(path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'scores': np.array([object()])}, 'Object arrays cannot be loaded'),
        ({'scores': np.array(['a'] * 8)}, 'scores has dtype <U1'),
        ({'scores': np.zeros(7)}, 'scores has 7 rows; expected 8'),
        ({'bboxes': np.zeros((8, 5))}, r'bboxes has dtype float64 and shape \(8, 5\)'),
        ({'counts': np.array([9, 0, -1])}, 'a count is negative'),
        ({'counts': np.array([2**62, 2**62, 2**62])}, 'expected 13835058055282163712'),
        ({'labels': None}, 'it has no labels'),
        ({'mask_sizes': None}, 'only a part of the masks'),
        ({'mask_counts': np.zeros(3, np.uint8)}, 'mask_counts does not have the length'),
        ({'paths_lengths': np.array([-5, 5, 40])}, 'paths does not have the length'),
        ({'paths': np.full(42, 255, np.uint8)}, "can't decode byte"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, message, tmp_path):
    path = tmp_path / 'r.npz'
    write_result_arrays(path, make_images())
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    columns = {name: value for name, value in (columns | change).items() if value is not None}
    with path.open('wb') as stream:
        np.savez(stream, **columns)
    with pytest.raises(ValueError, match=message) as caught:
        read_predicted_images(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('raw', [b'', b'text', pickle.dumps([1]), b'PK\x03\x04', b'\x93NUMPY'])
def test_any_other_file_is_one_line(raw, tmp_path):
    (tmp_path / 'r.npz').write_bytes(raw)
    with pytest.raises(ValueError, match=r'r\.npz is no results file of arrays'):
        read_predicted_images(tmp_path / 'r.npz')
