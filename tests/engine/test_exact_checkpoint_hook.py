"""A run that stops and goes on ends as one that never stopped."""

from __future__ import annotations

import os
import re
import signal

import pytest
import torch

from longtail_det.engine.resume.resumption import plan_resumption

from .runs import assert_same, break_off, train


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
