from __future__ import annotations

import copy
import logging

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import default_collate
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint
from torch import nn

from longtail_det.compat.checkpoint import load_from_local

# Before this release torch cannot be told which types are safe.
WEIGHTS_ONLY = tuple(int(part) for part in torch.__version__.split('.')[:2]) >= (2, 6)
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


def test_all_that_a_runner_saves_loads_with_weights_only(trained):
    files = sorted(trained[0].glob('*.pth'))
    assert {'epoch_1.pth', 'epoch_2.pth'} < {path.name for path in files}
    assert any(path.name.startswith('best_score') for path in files)
    for path in files:
        checkpoint = torch.load(path, weights_only=WEIGHTS_ONLY)
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
