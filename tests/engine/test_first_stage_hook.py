"""A second stage starts from the checkpoint of the first, or says in one line what is missing."""

from __future__ import annotations

import shutil

import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from longtail_det.engine import FirstStageHook
from longtail_det.engine.hooks.first_stage_hook import find_first_stage


class Points(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {'x': torch.tensor([float(index)])}


class Model(BaseModel):
    def __init__(self, out=2):
        super().__init__()
        self.body, self.head = nn.Linear(1, 3), nn.Linear(3, out)

    def forward(self, x, mode='tensor'):
        return {'loss': self.head(self.body(x)).square().mean()}


def make_runner(work_dir, seed, epochs=1, lr=0.1, out=2, **options):
    torch.manual_seed(seed)
    sampler = {'type': 'DefaultSampler', 'shuffle': False}
    return Runner(
        Model(out),
        str(work_dir),
        train_dataloader=dict(dataset=Points(), batch_size=2, sampler=sampler, collate_fn=default_collate),
        train_cfg={'by_epoch': True, 'max_epochs': epochs},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': lr}},
        default_hooks={'checkpoint': dict(type='CheckpointHook', interval=1)},
        experiment_name=f'{work_dir}-{seed}-{epochs}',
        **options,
    )


@pytest.fixture
def first(tmp_path):
    """The weights that a first stage left behind."""
    runner = make_runner(tmp_path / 'first', seed=0)
    runner.train()
    return runner.model.state_dict()


def second(tmp_path, hook, **options):
    """A second stage that does not move its weights."""
    return make_runner(tmp_path / 'second', seed=1, lr=0.0, custom_hooks=[hook], **options)


@pytest.mark.parametrize('given', ['first', '{}/first', '{}/first/epoch_1.pth'])
def test_it_starts_from_the_first_stage(given, first, tmp_path):
    runner = second(tmp_path, FirstStageHook(given.format(tmp_path)))
    assert not torch.equal(runner.model.body.weight, first['body.weight'])
    runner.train()
    torch.testing.assert_close(runner.model.state_dict(), first, rtol=0, atol=0)
    assert runner.iter == 2, 'iterations are those of the second stage'


def test_what_is_fresh_is_not_loaded(first, tmp_path):
    runner = second(tmp_path, FirstStageHook('first', fresh=['head']))
    before = {name: value.clone() for name, value in runner.model.head.state_dict().items()}
    runner.train()
    torch.testing.assert_close(runner.model.head.state_dict(), before, rtol=0, atol=0)
    torch.testing.assert_close(runner.model.body.weight.data, first['body.weight'], rtol=0, atol=0)


def test_a_layer_of_another_shape_starts_anew(first, tmp_path):
    runner = second(tmp_path, FirstStageHook('first'), out=5)
    runner.train()
    assert runner.model.head.weight.shape == (5, 3)
    torch.testing.assert_close(runner.model.body.weight.data, first['body.weight'], rtol=0, atol=0)


def test_a_pattern_that_matches_nothing_is_named(first, tmp_path):
    with pytest.raises(ValueError, match="fresh: 'hed' matches no part of the model; did you mean head"):
        second(tmp_path, FirstStageHook('first', fresh=['hed'])).train()


def test_a_resumed_second_stage_goes_on_from_its_own_weights(first, tmp_path):
    hook = dict(type='mmdet.FirstStageHook', first_stage='first', fresh=['head'])
    make_runner(tmp_path / 'second', seed=1, custom_hooks=[hook], resume=True).train()
    shutil.rmtree(tmp_path / 'first')
    runner = make_runner(tmp_path / 'second', seed=2, epochs=2, custom_hooks=[hook], resume=True)
    runner.train()
    assert runner.iter == 4
    whole = make_runner(tmp_path / 'whole', seed=1, epochs=2, lr=0.1)
    whole.model.body.load_state_dict({'weight': first['body.weight'], 'bias': first['body.bias']})
    whole.train()
    torch.testing.assert_close(runner.model.state_dict(), whole.model.state_dict())


def test_load_from_wins(first, tmp_path):
    weights = {name: torch.full_like(value, 7.0) for name, value in first.items()}
    torch.save(dict(state_dict=weights), tmp_path / 'mine.pth')
    runner = second(tmp_path, FirstStageHook('nowhere'), load_from=str(tmp_path / 'mine.pth'))
    runner.train()
    assert (runner.model.body.weight == 7).all()


def test_a_folder_may_be_moved(first, tmp_path):
    shutil.move(tmp_path / 'first', tmp_path / 'archive')
    assert find_first_stage('archive', tmp_path) == str(tmp_path / 'archive' / 'epoch_1.pth')


def test_a_url_is_left_to_the_loader(tmp_path):
    assert find_first_stage('https://models/first.pth', tmp_path) == 'https://models/first.pth'


def test_a_first_stage_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'first stage first, but .*first does not exist; train that config'):
        second(tmp_path, FirstStageHook('first')).train()
    (tmp_path / 'first').mkdir()
    with pytest.raises(FileNotFoundError, match='first holds no finished checkpoint'):
        find_first_stage('first', tmp_path)
