from __future__ import annotations

import functools
import io
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from longtail_det.restricted_pickle import load_plain_pickle

CONTENT = {
    'model': OrderedDict(a=np.arange(6, dtype=np.float32).reshape(2, 3), b=np.asfortranarray(np.ones((2, 2)))),
    '__author__': 'Detectron2',
    'iteration': np.int64(8),
    'raw': b'\xff\x00',
}


class RunsCode:
    def __reduce__(self):
        return (os.system, ('echo code ran',))


class Known(dict):
    """What a caller expects; pickled by its name."""


@pytest.fixture
def pickled(tmp_path):
    def save(content, protocol=4):
        path = tmp_path / 'model.pkl'
        path.write_bytes(pickle.dumps(content, protocol=protocol))
        return path

    return save


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_comes_back(protocol, pickled):
    back = load_plain_pickle(pickled(CONTENT, protocol))
    assert back.keys() == CONTENT.keys()
    for name, array in CONTENT['model'].items():
        np.testing.assert_array_equal(back['model'][name], array)
        assert back['model'][name].dtype == array.dtype
    assert (back['__author__'], back['iteration'], back['raw']) == ('Detectron2', 8, b'\xff\x00')


@pytest.mark.parametrize('core', [b'numpy.core', b'numpy._core'])
def test_files_of_numpy_1_and_2_load_on_either(core, pickled):
    path = pickled({'a': np.arange(3.0)}, protocol=2)
    path.write_bytes(path.read_bytes().replace(b'numpy._core.', b'numpy.core.').replace(b'numpy.core', core))
    np.testing.assert_array_equal(load_plain_pickle(path)['a'], [0, 1, 2])


def test_text_and_arrays_of_python_2_load(pickled):
    # what Python 2 writes for {'caf\xe9': 1}: a byte string
    path = pickled(None)
    path.write_bytes(b'\x80\x02}U\x04caf\xe9K\x01s.')
    assert load_plain_pickle(path, encoding='latin1') == {'café': 1}


@pytest.mark.parametrize(
    ('content', 'name'),
    [
        (RunsCode(), 'posix.system'),
        (functools.partial(int), 'functools.partial'),
        (np.array([RunsCode()]), 'posix.system'),
        (getattr, 'builtins.getattr'),
        (np.load, 'numpy.load'),
    ],
)
def test_anything_else_is_named_and_not_run(content, name, pickled, capfd):
    with pytest.raises(ValueError, match='unpickling it can run code') as caught:
        load_plain_pickle(pickled({'model': content}))
    assert name in str(caught.value)
    assert '\n' not in str(caught.value)
    assert not capfd.readouterr().out


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_tensors_come_back(protocol, pickled):
    content = {'boxes': torch.arange(12.0).view(3, 4)[:, 1:], 'is_crowd': torch.tensor([True]), 'kind': torch.bfloat16}
    back = load_plain_pickle(pickled(content, protocol))
    assert torch.equal(back['boxes'], content['boxes'])
    assert torch.equal(back['is_crowd'], content['is_crowd'])
    assert back['kind'] is torch.bfloat16


def test_the_memory_of_a_tensor_runs_no_code(pickled, capfd):
    """A storage is a checkpoint of its own inside the pickle, which torch's own function would load freely."""
    inner = io.BytesIO()
    torch.save(RunsCode(), inner)

    class Tensor:
        def __reduce__(self):
            return (torch.storage._load_from_bytes, (inner.getvalue(),))

    with pytest.raises(ValueError, match='is no pickle, or was cut short'):
        load_plain_pickle(pickled(Tensor()))
    assert not capfd.readouterr().out


def test_what_a_caller_knows_is_found(pickled):
    also = {('functools', 'partial'): lambda function: 'in its place'}
    with pytest.raises(ValueError, match=r'builtins\.int'):
        load_plain_pickle(pickled(functools.partial(int)), also)
    assert load_plain_pickle(pickled(Known()), {(__name__, 'Known'): dict}) == {}


def test_a_claim_of_more_memory_than_there_is_is_one_line(pickled):
    path = pickled(None)
    path.write_bytes(b'\x80\x04cnumpy\ndtype\n\x8c\x02f8\x85R0cnumpy\ndtype\n' + b'\x8d' + b'\xff' * 7 + b'\x0f.')
    with pytest.raises(ValueError, match='is no pickle, or was cut short'):
        load_plain_pickle(path)


@pytest.mark.parametrize('tenths', range(10))
def test_a_file_cut_short_is_one_line(tenths, pickled):
    path = pickled(CONTENT)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * tenths // 10])
    with pytest.raises(ValueError, match=r'model\.pkl is no pickle, or was cut short \(\d+ bytes;') as caught:
        load_plain_pickle(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('raw', [b'<!DOCTYPE html>', b'{"a": 1}', b'PK\x03\x04', bytes(range(256))])
def test_what_is_no_pickle_is_one_line(raw, pickled):
    path = pickled(None)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match='is no pickle, or was cut short'):
        load_plain_pickle(path)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match='no file '):
        load_plain_pickle(tmp_path / 'none.pkl')
