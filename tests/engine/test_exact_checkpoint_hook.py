"""A run that stops and goes on ends as one that never stopped, and saves nothing it should not."""

from __future__ import annotations

import os
import random
import re
import signal
from pathlib import Path

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
from longtail_det.engine.resume import RunStoppedError, find_checkpoints
from longtail_det.engine.resume.resumption import plan_resumption


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


@pytest.mark.parametrize('val', [False, True], ids=['train', 'val'])
@pytest.mark.parametrize('sampler', ['InfiniteSampler', 'DefaultSampler'])
@pytest.mark.parametrize('seed', [0, None])
def test_a_run_by_iterations_goes_on_exactly_and_loads_only_what_is_left(seed, sampler, val, tmp_path):
    options = dict(steps=7, sampler=sampler, val=val, seed=seed)
    break_off(tmp_path, **options)
    weights, loaded = train(tmp_path, resume=True, **options)
    assert len(loaded) == 4 * 3 - (sampler == 'DefaultSampler')  # steps 4 to 7; the last of a pass has 2 images
    for path in tmp_path.glob('iter_*'):
        if path.name != 'iter_1.pth':
            path.unlink()
    again, loaded = train(tmp_path, resume=True, **options)
    assert_same(weights, again)
    assert len(loaded) == 6 * 3 - (sampler == 'DefaultSampler')


@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_in_the_middle_of_an_epoch_and_the_rest_of_it_follows(number, by_epoch, tmp_path):
    options = dict(epochs=3, sampler='DefaultSampler', interval=1 if by_epoch else 2, by_epoch=by_epoch)
    whole, _ = train(tmp_path / 'whole', **options)
    stopped = break_off(tmp_path / 'a', lambda runner: os.kill(os.getpid(), number), 7, SystemExit, **options)
    assert stopped.code == 128 + number
    name = 'epoch_1_iter_7.pth' if by_epoch else 'iter_7.pth'
    assert (tmp_path / 'a/last_checkpoint').read_text() == name
    weights, loaded = train(tmp_path / 'a', resume=True, **options)
    assert_same(weights, whole)
    assert len(loaded) == 2 + 11
    assert (tmp_path / 'a' / name).exists() is not by_epoch, 'the next regular one takes its place'


def test_a_finished_run_given_again_loads_nothing(tmp_path):
    train(tmp_path, steps=3)
    assert train(tmp_path, steps=3, resume=True)[1] == []


def test_a_checkpoint_far_behind_the_end_loads_nothing(tmp_path):
    train(tmp_path, steps=3)
    path = tmp_path / 'iter_3.pth'
    checkpoint = torch.load(path)
    checkpoint['meta']['iter'] = 10**9
    torch.save(checkpoint, path)
    assert train(tmp_path, steps=3, resume=True)[1] == []


@pytest.mark.parametrize(('key', 'value'), [('iter', 'x'), ('epoch', -1), ('iter', True)])
def test_a_checkpoint_that_does_not_say_where_its_run_was_is_one_line(key, value):
    meta = {'iter': 1, 'epoch': 0} | {key: value}
    with pytest.raises(ValueError, match=rf'a.pth: meta.{key} is {value!r}, expected a number, 0 or more'):
        plan_resumption({'meta': meta}, None, 'a.pth', 8)


def test_weights_alone_are_no_run():
    with pytest.raises(ValueError, match=r'a.pth holds weights only'):
        plan_resumption({'meta': {'iter': 1, 'epoch': 0}}, None, 'a.pth', 8)


def test_another_number_of_processes_goes_on_behind_the_images_that_were_shown():
    state = dict(world_size=4, images_per_step=16, place=(0, 100), seed=3, sampler_seed=3, rank=0)
    checkpoint = {'meta': {'iter': 100, 'epoch': 0}, 'message_hub': {}, 'optimizer': {}}
    plan = plan_resumption(checkpoint, state, 'a.pth', 8)
    assert (plan.batches, plan.place, plan.state) == (200, (0, 200), None)
    assert re.search('step 100, saved by 4 processes, resumed by 1: exact in weights, optimizer', plan.description)
    assert '\n' not in plan.description


def test_a_checkpoint_of_mmengine_goes_on_at_its_place(tmp_path):
    train(tmp_path / 'whole', steps=5, type='CheckpointHook')
    shown = train(tmp_path / 'ours', steps=5)[1]
    _, loaded = train(tmp_path / 'b', steps=5, resume=True, load_from=str(tmp_path / 'whole/iter_2.pth'))
    assert loaded == shown[2 * 3 :]


def spoil(runner):
    runner.model.layer.weight.data[0, 0] = float('nan')


def test_nothing_is_saved_after_an_invalid_loss(tmp_path):
    error = break_off(tmp_path, spoil, 2, RunStoppedError, steps=9, interval=4, max_keep_ckpts=1)
    assert 'became NaN or infinite' in str(error)
    assert find_checkpoints(tmp_path) == []


def test_weights_that_became_invalid_in_the_step_itself_are_not_saved(tmp_path):
    error = break_off(tmp_path, spoil, 3, RunStoppedError, steps=9, max_keep_ckpts=1)
    assert 'weights became NaN or infinite by step 3' in str(error)
    assert [path.name for path in find_checkpoints(tmp_path)] == ['iter_2.pth']


def test_the_old_checkpoint_goes_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    order, replace, unlink = [], Path.replace, Path.unlink

    def note(name, function):
        def call(path, *args, **kwargs):
            if path.name.startswith(('iter', 'last')):
                order.append((name, re.sub(r'\.\d+\.tmp', '', path.name)))
            return function(path, *args, **kwargs)

        return call

    monkeypatch.setattr(Path, 'replace', note('written', replace))
    train(tmp_path, steps=1, max_keep_ckpts=1)
    monkeypatch.setattr(Path, 'unlink', note('removed', unlink))
    train(tmp_path, steps=2, max_keep_ckpts=1, resume=True)
    order = [each for each in order if each != ('removed', 'iter_2.pth') and each != ('removed', 'last_checkpoint')]
    assert order[-3:] == [('written', 'iter_2.pth'), ('written', 'last_checkpoint'), ('removed', 'iter_1.pth')]
    assert [path.name for path in find_checkpoints(tmp_path)] == ['iter_2.pth']


def test_one_that_was_to_be_removed_when_the_run_was_killed_is_removed_later(tmp_path, monkeypatch):
    train(tmp_path, steps=1, max_keep_ckpts=1)
    with monkeypatch.context() as patch:
        patch.setattr('longtail_det.engine.resume.atomic_checkpoints.remove_checkpoint', lambda path: 1 / 0)
        runner = make_runner(tmp_path, steps=2, max_keep_ckpts=1, resume=True)
        with pytest.raises(ZeroDivisionError):
            runner.train()
        close(runner)
    train(tmp_path, steps=3, max_keep_ckpts=1, resume=True)
    assert [path.name for path in find_checkpoints(tmp_path)] == ['iter_3.pth']


def test_a_folder_with_checkpoints_is_not_overwritten(tmp_path):
    train(tmp_path, steps=2)
    runner = make_runner(tmp_path, steps=2)
    with pytest.raises(ValueError, match=r'holds checkpoints of an earlier run \(the last: iter_2.pth\); go on with'):
        runner.train()
    close(runner)
    train(tmp_path, steps=1, from_scratch=True)
    assert [path.name for path in find_checkpoints(tmp_path)] == ['iter_1.pth']
    assert sorted(path.name for path in tmp_path.glob('replaced_*/*')) == ['iter_1.pth', 'iter_2.pth']


def test_a_resume_from_damaged_files_only_is_refused(tmp_path):
    train(tmp_path, steps=1)
    os.truncate(tmp_path / 'iter_1.pth', 1000)
    runner = make_runner(tmp_path, steps=2, resume=True)
    with pytest.raises(ValueError, match=r'no checkpoint in .* is whole \(iter_1.pth: .* is cut short or garbled\)'):
        runner.train()
    close(runner)


def test_a_run_resumed_from_an_earlier_checkpoint_leaves_the_later_ones_behind(tmp_path):
    train(tmp_path, steps=4)
    train(tmp_path, steps=3, resume=True, load_from=str(tmp_path / 'iter_2.pth'))
    assert [path.name for path in find_checkpoints(tmp_path)] == ['iter_3.pth', 'iter_2.pth', 'iter_1.pth']
    assert sorted(path.name for path in tmp_path.glob('replaced_*/*')) == ['iter_3.pth', 'iter_4.pth']


def test_the_best_checkpoint_of_a_copied_folder_does_not_touch_the_original(tmp_path):
    options = dict(steps=2, val=True, save_best='score', rule='greater')
    train(tmp_path / 'a', **options)
    (best,) = (tmp_path / 'a').glob('best_*')
    os.rename(tmp_path / 'a', tmp_path / 'b')
    hub = make_runner(tmp_path / 'b', resume=True, **options | {'steps': 4})
    hub.train()
    (hook,) = [hook for hook in hub.hooks if isinstance(hook, ExactCheckpointHook)]
    assert hook.best_ckpt_path == str(tmp_path / 'b' / best.name)
