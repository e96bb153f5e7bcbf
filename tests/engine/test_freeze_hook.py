"""Frozen parts stay as they are to the last bit, in one process and in two; the rest trains."""

from __future__ import annotations

import copy
import os

import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from longtail_det.engine import FreezeHook, freeze

OPTIMIZERS = [
    dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.5),
    dict(type='AdamW', lr=0.1, weight_decay=0.5),
]
FREEZE = [dict(frozen=['body', 'loss']), dict(trained=['head'])]


class Points(Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, index):
        return {'x': torch.tensor([index / 8 - 1, 0.5]), 'y': torch.tensor([2.0 * index])}


class TwoParts(BaseModel):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.head = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.loss = nn.MSELoss()
        self.outputs = []

    def forward(self, x, y, mode='tensor'):
        features = self.body(x)
        self.outputs.append((x, features.detach()))
        return {'loss': self.loss(self.head(features), y)}


def train(work_dir, optimizer=OPTIMIZERS[0], wrapper=None, **hook) -> tuple[Runner, TwoParts]:
    """Four epochs; the untouched model comes along."""
    torch.manual_seed(0)
    model = TwoParts()
    before = copy.deepcopy(model)
    sampler = {'type': 'DefaultSampler', 'shuffle': False}
    runner = Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=dict(dataset=Points(), batch_size=4, sampler=sampler, collate_fn=default_collate),
        train_cfg={'by_epoch': True, 'max_epochs': 4},
        optim_wrapper={'optimizer': optimizer, 'clip_grad': {'max_norm': 1.0}},
        default_hooks={'checkpoint': None},
        custom_hooks=[FreezeHook(**hook)] if hook else [],
        launcher='pytorch' if wrapper else 'none',
        cfg=dict(model_wrapper_cfg=wrapper) if wrapper else None,
        experiment_name=f'freeze-{work_dir.name}',
    )
    runner.train()
    return runner, before


@pytest.mark.parametrize('hook', FREEZE, ids=['frozen', 'trained'])
@pytest.mark.parametrize('optimizer', OPTIMIZERS, ids=['sgd', 'adamw'])
def test_frozen_parts_do_not_move_and_the_rest_does(optimizer, hook, tmp_path):
    runner, before = train(tmp_path, optimizer, **hook)
    after = runner.model
    torch.testing.assert_close(after.body.state_dict(), before.body.state_dict(), rtol=0, atol=0)
    for name, value in before.head.named_parameters():
        assert not torch.equal(after.head.get_parameter(name), value), name
    assert after.head[1].num_batches_tracked == 16, 'norms that are not frozen go on'
    assert all(parameter.grad is None for parameter in after.body.parameters())
    assert not {*after.body.parameters()} & {*runner.optim_wrapper.optimizer.state}


def test_frozen_dropout_and_norms_compute_as_at_test(tmp_path):
    runner, before = train(tmp_path, frozen=['body'])
    before.eval()
    assert len(runner.model.outputs) == 16
    for x, features in runner.model.outputs:
        torch.testing.assert_close(features, before.body(x))


def test_modules_without_parameters_go_on_unless_named():
    model = TwoParts().train()
    freeze(model, trained=['head.2'])
    assert model.loss.training
    assert not model.head[1].training
    freeze(model, frozen=['loss'])
    assert not model.loss.training


def test_a_norm_whose_parameters_are_named_one_by_one_stands_still():
    model = TwoParts().train()
    (norm,) = freeze(model, frozen=['body.1.weight', 'body.1.bias'])
    assert norm is model.body[1]
    assert not norm.training
    assert model.body[2].training


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(frozen=['bodi']), "frozen: 'bodi' matches no part of the model; did you mean body"),
        (dict(trained=['neck']), "trained: 'neck' matches no part of the model"),
        (dict(frozen=['*']), 'leaves no parameter of TwoParts to train'),
    ],
)
def test_a_mistake_is_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        freeze(TwoParts(), **options)


@pytest.mark.parametrize('options', [{}, dict(frozen=['body'], trained=['head'])])
def test_one_of_two_options(options):
    with pytest.raises(ValueError, match='expected exactly one of the two'):
        FreezeHook(**options)


def train_on_rank(rank: int, work_dir) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
    runner, before = train(work_dir, wrapper=wrapper, frozen=['body'])
    assert isinstance(runner.model, MMDistributedDataParallel)
    assert not runner.model.find_unused_parameters
    return runner.model.module.state_dict(), before.state_dict()


@pytest.mark.slow
def test_two_processes_train_what_is_left(two_processes, tmp_path):
    """With default settings torch would raise an error at the second step, for gradients that never come."""
    (one, before), (other, _) = two_processes(train_on_rank, tmp_path)
    for name, value in one.items():
        if name.startswith('body'):
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
        elif name.endswith(('weight', 'bias')):
            torch.testing.assert_close(value, other[name], rtol=0, atol=0)
            assert not torch.equal(value, before[name]), name
