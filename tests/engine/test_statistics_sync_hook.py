"""Two processes on half of each batch end with the statistics of one process on all of it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.hooks.hook import Hook

from longtail_det.engine import StatisticsSyncHook, sync_statistics
from longtail_det.losses import EQLv2, SeesawLoss

WORKER = Path(__file__).with_name('two_process_worker.py')


def load_worker():
    spec = importlib.util.spec_from_file_location('two_process_worker', WORKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path):
    outputs = [tmp_path / f'{rank}.pth' for rank in range(2)]
    commands = [
        [sys.executable, str(WORKER), str(rank), '2', str(tmp_path / 'rendezvous'), str(outputs[rank])]
        for rank in range(2)
    ]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    one = load_worker().train(rank=0, world_size=1)
    for path in outputs:
        torch.testing.assert_close(torch.load(path), one)
    assert one['eqlv2.neg_grad'].all()
    assert one['drop.last_counts'].all()


def test_the_hook_defers_and_gives_back():
    loss = EQLv2(num_classes=3)
    logits, labels = torch.zeros(2, 4), torch.tensor([0, 3])
    hook, runner = StatisticsSyncHook(), SimpleNamespace(model=torch.nn.ModuleList([loss]))
    hook.before_train(runner)
    loss(logits, labels)
    assert not loss.neg_grad.any()
    hook.after_train_iter(runner, 0)
    moved = loss.neg_grad.clone()
    assert moved.any()
    hook.after_train_iter(runner, 1)
    assert torch.equal(loss.neg_grad, moved), 'an iteration without a loss adds nothing'
    hook.after_train(runner)
    loss(logits, labels)
    assert (loss.neg_grad > moved).all()


def test_seesaw_with_sync_already_counts_its_own_batch():
    plain, synced = SeesawLoss(num_classes=3), SeesawLoss(num_classes=3, sync=True)
    synced.defer_statistics()
    logits, labels = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 1, 3])
    for _ in range(3):
        torch.testing.assert_close(synced(logits, labels), plain(logits, labels))
        sync_statistics(synced)
    torch.testing.assert_close(synced.state_dict(), plain.state_dict())


def test_nothing_to_sync_is_fine():
    sync_statistics(torch.nn.Linear(1, 1))
    loss = SeesawLoss(num_classes=3)
    loss.defer_statistics()
    sync_statistics(loss)


def test_statistics_are_summed_before_a_checkpoint_is_written():
    order = Hook.priority, StatisticsSyncHook.priority, CheckpointHook.priority
    from mmengine.runner import get_priority

    assert get_priority(order[1]) < get_priority(order[2])
