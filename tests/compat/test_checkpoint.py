from __future__ import annotations

import copy
import functools
import logging
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import default_collate
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import BaseModel
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint
from torch import nn

from longtail_det.compat import allow_mmengine_checkpoints, load_from_local

# Before this release torch.load takes any pickle by default, and refusing is not ours to do.
WEIGHTS_ONLY = tuple(int(part) for part in torch.__version__.split('.')[:2]) >= (2, 6)
weights_only = pytest.mark.skipif(not WEIGHTS_ONLY, reason='torch loads every pickle by default before 2.6')
SCHEDULERS = [
    {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'end': 3},
    {'type': 'MultiStepLR', 'milestones': [1]},
    {'type': 'CosineAnnealingLR', 'T_max': 4, 'by_epoch': False},
    {'type': 'OneCycleLR', 'eta_max': 0.1, 'total_steps': 99, 'by_epoch': False},
    {'type': 'CosineRestartLR', 'periods': [1, 2], 'restart_weights': [1, 0.5], 'eta_min': 0},
    {'type': 'ReduceOnPlateauLR', 'monitor': 'score'},
    {'type': 'PolyLR', 'eta_min': 1e-4},
]


class TinyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def forward(self, x, y, mode='tensor'):
        out = self.layers(x)
        return {'loss': (out - y).square().mean(), 'loss_parts': [out.abs().mean()]} if mode == 'loss' else [out]


class TinyDataset(torch.utils.data.Dataset):
    def __init__(self):
        extra = ConfigDict(x=[{'y': 1}])
        self.metainfo = {'classes': ('a', 'b'), 'palette': [(1, 2, 3)], 'counts': np.arange(2), 'extra': extra}

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return {'x': torch.tensor([index, 1.0]), 'y': torch.tensor([2.0 * index])}


class Score(BaseMetric):
    default_prefix = None

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'score': np.float64(len(results))}


def make_runner(work_dir, epochs, **options):
    def loader(shuffle):
        sampler = {'type': 'DefaultSampler', 'shuffle': shuffle}
        return {'dataset': TinyDataset(), 'batch_size': 4, 'sampler': sampler, 'collate_fn': default_collate}

    return Runner(
        model=TinyModel(),
        work_dir=str(work_dir),
        train_dataloader=loader(True),
        val_dataloader=loader(False),
        train_cfg={'by_epoch': True, 'max_epochs': epochs, 'val_interval': 1},
        val_cfg={},
        val_evaluator=[Score()],
        optim_wrapper={'optimizer': {'type': 'AdamW', 'lr': 0.1}, 'clip_grad': {'max_norm': 1.0}},
        param_scheduler=[dict(cfg) for cfg in SCHEDULERS],
        default_hooks={
            'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'save_best': 'score', 'rule': 'greater'}
        },
        custom_hooks=[{'type': 'EMAHook'}, {'type': 'EarlyStoppingHook', 'monitor': 'score', 'rule': 'greater'}],
        randomness={'seed': 0},
        log_level='ERROR',
        experiment_name=f'{work_dir.name}_{epochs}',
        default_scope='mmdet',
        **options,
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A directory in which mmengine's Runner trained for two epochs and saved its checkpoints, and that runner."""
    directory = tmp_path_factory.mktemp('run')
    runner = make_runner(directory, epochs=2)
    runner.train()
    return directory, runner


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
        return (print, ('code ran',))


class Attribute:
    """Pickles as getattr(owner, name)."""

    def __init__(self, owner, name):
        self.owner, self.name = owner, name

    def __reduce__(self):
        return (getattr, (self.owner, self.name))


def test_all_that_a_runner_saves_loads_with_weights_only(trained):
    files = sorted(trained[0].glob('*.pth'))
    assert {'epoch_1.pth', 'epoch_2.pth'} < {path.name for path in files}
    assert any(path.name.startswith('best_score') for path in files)
    for path in files:
        checkpoint = torch.load(path, weights_only=True) if WEIGHTS_ONLY else torch.load(path)
        full = torch.load(path, weights_only=False)
        assert checkpoint.keys() == full.keys()
        np.testing.assert_equal(checkpoint['meta'], full['meta'])
        log, expected = (content['message_hub']['log_scalars'] for content in (checkpoint, full))
        assert log.keys() == expected.keys()
        assert all(log[key].mean() == expected[key].mean() for key in log if key.startswith('train/loss'))
        assert checkpoint['message_hub']['runtime_info']['dataset_meta']['extra'].x[0].y == 1
        torch.testing.assert_close(checkpoint['state_dict'], full['state_dict'])


class Snapshot(Hook):
    """What a runner holds when its training loop begins."""

    def before_train(self, runner):
        self.at = (runner.epoch, runner.iter)
        self.steps = [scheduler.last_step for scheduler in runner.param_schedulers]
        self.losses = runner.message_hub.get_scalar('train/loss').data[0].tolist()
        self.state = copy.deepcopy([runner.model.state_dict(), runner.optim_wrapper.optimizer.state_dict()['state']])


def test_a_fresh_runner_resumes_where_the_last_one_stopped(trained):
    work_dir, first = trained
    second, snapshot = make_runner(work_dir, epochs=3, resume=True), Snapshot()
    second.register_hook(snapshot)
    second.train()
    assert snapshot.at == (first.epoch, first.iter) == (2, 4)
    assert snapshot.steps == [scheduler.last_step for scheduler in first.param_schedulers]
    assert snapshot.losses == first.message_hub.get_scalar('train/loss').data[0].tolist()
    torch.testing.assert_close(
        snapshot.state, [first.model.state_dict(), first.optim_wrapper.optimizer.state_dict()['state']], rtol=0, atol=0
    )
    assert (second.epoch, second.iter) == (3, 6)


def test_mmengine_loads_through_it_and_logs_as_before(trained, caplog):
    logger = logging.getLogger('resume')
    with caplog.at_level(logging.INFO, logger='resume'):
        load_checkpoint(TinyModel(), str(trained[0] / 'epoch_1.pth'), map_location='cpu', logger=logger)
    assert 'Loads checkpoint by local backend from path' in caplog.text
    assert CheckpointLoader._get_checkpoint_loader('epoch_1.pth') is load_from_local
    assert CheckpointLoader._get_checkpoint_loader('https://a/epoch_1.pth') is not load_from_local


@pytest.mark.parametrize(
    'content',
    [
        *(np.dtype(name).type(1) for name in ('bool', 'int8', 'int64', 'uint32', 'float16', 'float32', 'float64')),
        *(np.arange(3).astype(name) for name in ('bool', 'int32', 'int64', 'uint8', 'uint32', 'float32', 'float64')),
        np.array(['r', 'f']),
        np.random.RandomState(0).get_state(),
        torch.amp.GradScaler('cpu', enabled=False).state_dict(),
        MessageHub('content').state_dict(),
        ConfigDict(a={'b': [1, {'c': 2}]}),
        HistoryBuffer([1.0, 2.0], [1, 1]),
        OneCycleParamScheduler._annealing_linear,
    ],
    ids=lambda content: type(content).__name__,
)
def test_each_kind_of_content_comes_back(content, saved):
    path = saved({'content': content})
    back = load_from_local(str(path))['content']
    assert pickle.dumps(back) == pickle.dumps(torch.load(path, weights_only=False)['content'])


@pytest.mark.parametrize('core', ['core', '_core'])
def test_checkpoints_of_numpy_1_and_2_load_on_either(core, saved):
    content = {'array': np.arange(3), 'scalar': np.float32(2)}
    raw = saved(content, _use_new_zipfile_serialization=False).read_bytes()
    for name in (b'numpy._core.multiarray', b'numpy.core.multiarray'):
        raw = raw.replace(name, b'numpy.%s.multiarray' % core.encode())
    path = saved(content)
    path.write_bytes(raw)
    back = load_from_local(str(path))
    assert back['array'].tolist() == [0, 1, 2]
    assert back['scalar'] == 2


@weights_only
@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize(
    ('content', 'name'),
    [
        (Foreign(), 'Foreign'),
        (RunsCode(), 'print'),
        (functools.partial(int), 'functools.partial'),
        (nn.Linear(1, 1), 'torch.nn.modules.linear.Linear'),
        (Attribute(HistoryBuffer, '__init__'), "attribute '__init__' of <class 'mmengine.logging.history_buffer"),
        (Attribute(np.ndarray, 'tofile'), "attribute 'tofile' of <class 'numpy.ndarray'>"),
        (Attribute([], 'append'), "attribute 'append' of []"),
        (np.array([Foreign()]), 'ObjectDType'),
    ],
)
def test_any_other_type_is_named_and_not_run(content, name, zipped, saved, capsys):
    path = saved({'state_dict': {}, 'extra': content}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match='TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1') as caught:
        load_from_local(str(path))
    assert '\n' not in str(caught.value)
    assert str(path) in str(caught.value)
    assert name in str(caught.value)
    assert not capsys.readouterr().out


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
    with pytest.raises(ValueError, match='cut short while being written, copied or downloaded'):
        load_from_local(str(path))


@pytest.mark.parametrize('name', ['nowhere.pth', '.'])
def test_a_missing_file_is_one_line(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'checkpoint not found: .*check load_from') as caught:
        load_from_local(str(tmp_path / name))
    assert '\n' not in str(caught.value)


def test_a_sound_file_keeps_the_error_of_torch(saved, monkeypatch):
    path = saved({})

    def no_gpu(*args, **kwargs):
        raise RuntimeError('Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False')

    monkeypatch.setattr(torch, 'load', no_gpu)
    with pytest.raises(RuntimeError, match='Attempting to deserialize'):
        load_from_local(str(path))


def test_the_home_directory_may_be_a_tilde(saved, monkeypatch):
    path = saved({'a': 1})
    monkeypatch.setenv('HOME', str(path.parent))
    assert load_from_local(f'~/{path.name}') == {'a': 1}
