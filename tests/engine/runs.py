"""Runs of a tiny noisy model by `ExactCheckpointHook`, broken off where a test wants it."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from longtail_det.engine import ExactCheckpointHook


class Points(Dataset):
    def __init__(self):
        self.loaded = []

    def __len__(self):
        return 11

    def __getitem__(self, index):
        self.loaded.append(index)
        return {'x': torch.tensor([index + random.random(), np.random.rand()])}


class Noisy(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(2, 3), nn.BatchNorm1d(3)

    def forward(self, x, mode='tensor'):
        out = self.norm(self.layer(x)) + torch.rand(len(x), 3)
        return {'loss': out.square().mean()} if mode == 'loss' else [out]


class Drawing(BaseMetric):
    """A metric whose evaluation uses random numbers."""

    def process(self, data_batch, data_samples):
        self.results.append(random.random() + torch.rand(()).item())

    def compute_metrics(self, results):
        return {'score': float(len(results))}


class At(Hook):
    """Call a function after a training step."""

    def __init__(self, step, function):
        self.step, self.function = step, function

    def after_train_iter(self, runner, *_, **__):
        if runner.iter + 1 == self.step:
            self.function(runner)


def make_runner(
    work_dir, *, steps=None, epochs=None, sampler='InfiniteSampler', hooks=(), val=False, seed=0, **options
):
    torch.manual_seed(1)
    loader = dict(batch_size=3, num_workers=0, collate_fn=default_collate)
    iterates = dict(by_epoch=False, max_iters=steps, val_interval=2)
    validation = dict(
        val_dataloader=dict(**loader, dataset=Points(), sampler=dict(type='DefaultSampler', shuffle=False)),
        val_cfg={},
        val_evaluator=[Drawing()],
    )
    checkpoint = dict(type='ExactCheckpointHook', interval=1, by_epoch=steps is None)
    resume, load_from = options.pop('resume', False), options.pop('load_from', None)
    make_runner.count = getattr(make_runner, 'count', 0) + 1
    return Runner(
        Noisy(),
        str(work_dir),
        train_dataloader=dict(**loader, dataset=Points(), sampler=dict(type=sampler, shuffle=True)),
        train_cfg=iterates if steps else dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}},
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5)],
        default_hooks={'checkpoint': checkpoint | options},
        custom_hooks=list(hooks),
        randomness={'seed': seed},
        experiment_name=f'exact-{make_runner.count}',
        default_scope='mmdet',
        log_level='ERROR',
        resume=resume,
        load_from=load_from,
        **(validation if val else {}),
    )


def train(work_dir, **options):
    """The weights after training, and the images that were loaded."""
    runner = make_runner(work_dir, **options)
    runner.train()
    return runner.model.state_dict(), runner.train_dataloader.dataset.loaded


def die(runner):
    raise KeyError('killed')


def close(runner):
    for hook in runner.hooks:
        if isinstance(hook, ExactCheckpointHook):
            hook.close()


def break_off(work_dir, function=die, at=4, error=KeyError, **options):
    hook = At(at, lambda runner: (function(runner), close(runner)))
    runner = make_runner(work_dir, hooks=[hook], **options)
    with pytest.raises(error) as stopped:
        runner.train()
    close(runner)
    return stopped.value


def assert_same(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0)
