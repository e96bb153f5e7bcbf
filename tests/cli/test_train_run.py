"""What ends a run that was set up well is one line and exit code 1; a bad image is one line and 2."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from longtail_det.cli.train_run import use_exact_checkpoints
from longtail_det.engine.resume import find_checkpoints

from .conftest import TOY_CONFIG


def last_line(capsys) -> str:
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize('hook', [None, {}, {'type': 'CheckpointHook', 'interval': 7}, {'interval': 7}])
def test_mmengines_hook_is_replaced_and_its_options_stay(hook):
    cfg = Config({} if hook is None else {'default_hooks': {'checkpoint': hook}})
    use_exact_checkpoints(cfg)
    expected = (hook or {}) | {'type': 'mmdet.ExactCheckpointHook'}
    assert cfg.default_hooks.checkpoint == expected


@pytest.mark.parametrize('hook', [None, {'type': 'MyHook'}])
def test_no_hook_and_a_hook_of_ones_own_stay(hook):
    cfg = Config({'default_hooks': {'checkpoint': hook}})
    use_exact_checkpoints(cfg)
    assert cfg.default_hooks.checkpoint == hook


def test_a_full_disk_keeps_the_checkpoints_before(run, monkeypatch, capsys):
    write = Path.write_bytes

    def full(path, content):
        if path.name.startswith('iter_4'):
            write(path, content[:100])
            raise OSError(errno.ENOSPC, 'No space left on device', str(path))
        return write(path, content)

    monkeypatch.setattr(Path, 'write_bytes', full)
    assert run('train', TOY_CONFIG, '--work-dir', 'a') == 1
    line = last_line(capsys)
    assert 'cannot write ' in line
    assert 'No space left on device; what was saved before is whole' in line
    assert [path.name for path in find_checkpoints(Path('a'))] == ['iter_2.pth']
    assert not list(Path('a').glob('*.tmp'))


def test_a_diverged_run_ends_before_it_saves(run, capsys):
    diverge = 'optim_wrapper.optimizer.lr=1e30'
    assert run('train', TOY_CONFIG, '--work-dir', 'a', '--cfg-options', diverge) == 1
    assert 'became NaN or infinite' in last_line(capsys)
    assert find_checkpoints(Path('a')) == []


def test_a_bad_image_is_one_line_also_after_the_first_step(run, monkeypatch, capsys):
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0)).tolist()
    monkeypatch.setenv('TOY_FAILS_AT', str(order[-1]))
    assert run('train', TOY_CONFIG, '--work-dir', 'a') == 2
    assert last_line(capsys).endswith(f'no image {order[-1]}')


def test_checkpoints_of_an_earlier_run_are_not_overwritten(run, capsys):
    assert run('train', TOY_CONFIG, '--work-dir', 'a') == 0
    assert run('train', TOY_CONFIG, '--work-dir', 'a') == 2
    assert 'holds checkpoints of an earlier run (the last: iter_4.pth); go on with --resume' in last_line(capsys)
    assert run('train', TOY_CONFIG, '--work-dir', 'a', '--from-scratch') == 0
    assert len(list(Path('a').glob('replaced_*/iter_*.pth'))) == 2


@pytest.mark.parametrize('value', ['0', '-3', 'nan', 'inf', 'x'])
def test_a_timeout_is_a_number_of_seconds(value, run, capsys):
    assert run('train', TOY_CONFIG, f'--timeout={value}') == 2
    assert '--timeout' in last_line(capsys)
