"""A checkpoint is saved whole or not at all, never after an invalid loss, and never over another run's."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from longtail_det.engine import ExactCheckpointHook
from longtail_det.engine.resume import RunStoppedError, find_checkpoints

from .runs import break_off, close, make_runner, train


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
