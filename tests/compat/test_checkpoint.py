from __future__ import annotations

import functools
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from torch import nn

from longtail_det.compat import checkpoint
from longtail_det.compat.checkpoint import allow_mmengine_checkpoints, load_from_local

WEIGHTS_ONLY = tuple(int(part) for part in torch.__version__.split('.')[:2]) >= (2, 6)
weights_only = pytest.mark.skipif(not WEIGHTS_ONLY, reason='torch loads every pickle by default before 2.6')


@pytest.fixture(params=[True, False], ids=['by torch', 'by our unpickler'])
def unpickler(request, monkeypatch):
    """Who unpickles: torch since 2.6, before that an unpickler of ours, which works with every torch."""
    if not request.param:
        monkeypatch.setattr(checkpoint, '_is_strict_by_default', lambda: False)
    elif not WEIGHTS_ONLY:
        pytest.skip('torch loads every pickle by default before 2.6')


@pytest.fixture
def saved(tmp_path):
    def save(content, **options):
        path = tmp_path / 'file.pth'
        torch.save(content, path, **options)
        return path

    return save


@pytest.fixture
def sound(saved):
    """The bytes of a sound checkpoint, in the zip format and in the one before torch 1.6."""
    # large enough for a cut to fall into the tensors, as it does in a real one
    content = {'state_dict': nn.Linear(100, 100).state_dict(), 'meta': {'score': np.float64(1)}}
    return {zipped: saved(content, _use_new_zipfile_serialization=zipped).read_bytes() for zipped in (True, False)}


class Foreign:
    pass


class RunsCode:
    def __reduce__(self):
        return (os.system, ('echo code ran',))


class Attribute:
    """Pickles as getattr(owner, name)."""

    def __init__(self, owner, name):
        self.owner, self.name = owner, name

    def __reduce__(self):
        return (getattr, (self.owner, self.name))


@pytest.mark.parametrize(
    'content',
    [
        *(np.dtype(name).type(1) for name in ('bool', 'int8', 'int64', 'uint32', 'float16', 'float32', 'float64')),
        *(np.arange(3).astype(name) for name in ('bool', 'int32', 'int64', 'uint8', 'uint32', 'float32', 'float64')),
        np.array(['r', 'f']),
        np.random.RandomState(0).get_state(),
        MessageHub('content').state_dict(),
        ConfigDict(a={'b': [1, {'c': 2}]}),
        HistoryBuffer([1.0, 2.0], [1, 1]),
        OneCycleParamScheduler._annealing_linear,
    ],
    ids=lambda content: type(content).__name__,
)
def test_each_kind_of_content_comes_back(content, saved, unpickler):
    path = saved({'content': content})
    back = load_from_local(str(path))['content']
    assert pickle.dumps(back) == pickle.dumps(torch.load(path, weights_only=False)['content'])


@pytest.mark.parametrize('core', ['core', '_core'])
def test_checkpoints_of_numpy_1_and_2_load_on_either(core, saved, unpickler):
    content = {'array': np.arange(3), 'scalar': np.float32(2)}
    raw = saved(content, _use_new_zipfile_serialization=False).read_bytes()
    for name in (b'numpy._core.multiarray', b'numpy.core.multiarray'):
        raw = raw.replace(name, b'numpy.%s.multiarray' % core.encode())
    path = saved(content)
    path.write_bytes(raw)
    back = load_from_local(str(path))
    assert back['array'].tolist() == [0, 1, 2]
    assert back['scalar'] == 2


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize(
    ('content', 'name'),
    [
        (Foreign(), 'Foreign'),
        (RunsCode(), 'system'),
        (functools.partial(int), 'functools.partial'),
        (nn.Linear(1, 1), 'torch.nn.modules.linear.Linear'),
        (Attribute(HistoryBuffer, '__init__'), "attribute '__init__' of <class 'mmengine.logging.history_buffer"),
        (Attribute(np.ndarray, 'tofile'), "attribute 'tofile' of <class 'numpy.ndarray'>"),
        (Attribute([], 'append'), "attribute 'append' of []"),
        (np.array([Foreign()]), ''),
    ],
)
def test_any_other_type_is_named_and_not_run(content, name, zipped, saved, capfd, unpickler):
    path = saved({'state_dict': {}, 'extra': content}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match='TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1') as caught:
        load_from_local(str(path))
    assert '\n' not in str(caught.value)
    assert str(path) in str(caught.value)
    assert name in str(caught.value)
    assert not capfd.readouterr().out


@weights_only
@pytest.mark.filterwarnings('ignore:Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD:UserWarning')
def test_the_variable_that_the_message_names_loads_a_trusted_file(saved, monkeypatch):
    path = saved({'extra': functools.partial(int)})
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    assert load_from_local(str(path))['extra']() == 0


@weights_only
def test_torch_load_itself_is_as_strict_as_before(saved):
    allow_mmengine_checkpoints()
    assert torch.load is torch.serialization.load
    path = saved(Foreign())
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path)


@pytest.mark.parametrize('tenths', range(10))
@pytest.mark.parametrize('zipped', [True, False])
def test_a_file_cut_short_is_one_line(sound, tenths, zipped, tmp_path):
    path = tmp_path / 'cut.pth'
    path.write_bytes(sound[zipped][: len(sound[zipped]) * tenths // 10])
    with pytest.raises(ValueError, match=r'cut\.pth.*cannot be read as a checkpoint.*cut short') as caught:
        load_from_local(str(path))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'raw', [b'', b'<!DOCTYPE html>', b'{"a": 1}', b'version https://git-lfs', b'PK\x03\x04', bytes(range(256)) * 4]
)
def test_what_is_no_checkpoint_is_one_line(raw, tmp_path):
    path = tmp_path / 'other.pth'
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=rf'other\.pth \({len(raw)} bytes\) cannot be read') as caught:
        load_from_local(str(path))
    assert '\n' not in str(caught.value)


def test_a_byte_that_changed_on_the_way_is_noticed(sound, tmp_path):
    path = tmp_path / 'flipped.pth'
    path.write_bytes(sound[True])
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith('data.pkl'))
        start = sound[True].index(archive.read(name))
    raw = bytearray(sound[True])
    raw[start + 2] = 0xFF
    path.write_bytes(raw)
    with pytest.raises(ValueError, match='cut short or damaged while being written'):
        load_from_local(str(path))


def test_a_byte_of_a_tensor_that_changed_is_noticed(sound, tmp_path):
    path = tmp_path / 'flipped.pth'
    raw = bytearray(sound[True])
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert torch.load(path)  # torch does not look
    with pytest.raises(ValueError, match='a checksum in it is wrong'):
        load_from_local(str(path))


HARMLESS = "custom_imports = dict(imports=['torch'])\nmodel = dict(type='X', scales=[1, -2])\n"
RUNS = "__import__('os').system('echo code ran')"


@pytest.mark.parametrize('text', [HARMLESS, RUNS, None])
def test_a_config_that_resuming_would_run_is_set_aside(text, saved):
    meta = load_from_local(str(saved({'meta': {'config': text, 'iter': 3}})))['meta']
    assert meta == {'config_text': text, 'iter': 3}


@pytest.mark.parametrize(
    ('text', 'stays'),
    [
        (HARMLESS, True),
        (RUNS, False),
        ('import os', False),
        ("_base_ = 'other.py'", False),
        ("x = '{{ $HOME:1 }}'", False),
        ('# a comment\rimport os', False),
        ("custom_imports = dict(imports=['antigravity'])", False),
        ("custom_imports = dict(imports='antigravity')", False),
        ('custom_imports = dict(imports=[[1]])', False),
        (7, False),
    ],
)
def test_other_configs_stay_where_they_are_only_data(text, stays, saved):
    content = {'meta': {'cfg': text}, 'message_hub': {'runtime_info': {'cfg': text}}}
    loaded = load_from_local(str(saved(content)))
    for part in (loaded['meta'], loaded['message_hub']['runtime_info']):
        assert part == {'cfg' if stays else 'cfg_text': text}


@pytest.mark.parametrize('name', ['nowhere.pth', '.'])
def test_a_missing_file_is_one_line(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'checkpoint not found: .*check load_from') as caught:
        load_from_local(str(tmp_path / name))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('zipped', 'message'),
    [(False, 'Attempting to deserialize object on a CUDA device but there is none'), (True, 'CUDA out of memory')],
)
def test_a_sound_file_keeps_the_error_of_torch(zipped, message, saved, monkeypatch):
    path = saved({}, _use_new_zipfile_serialization=zipped)

    def no_gpu(*args, **kwargs):
        raise RuntimeError(message)

    monkeypatch.setattr(torch, 'load', no_gpu)
    with pytest.raises(RuntimeError) as caught:
        load_from_local(str(path))
    assert str(caught.value) == message


def test_the_home_directory_may_be_a_tilde(saved, monkeypatch):
    path = saved({'a': 1})
    monkeypatch.setenv('HOME', str(path.parent))
    assert load_from_local(f'~/{path.name}') == {'a': 1}
