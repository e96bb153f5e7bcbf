"""The losses that ask are told the epoch, through a wrapper, counted from 1, in schedules of epochs and iterations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch.utils.data import DataLoader

from longtail_det.engine import LossEpochHook
from longtail_det.losses import PCB, EQLv2


def make_runner(length, loop_type=EpochBasedTrainLoop, start_epoch=17, wrapped=False):
    """A runner of `length` epochs or iterations over 10 images, 4 a step."""
    pcb = PCB(num_classes=3, base=dict(type='EQLv2'), alpha=0.2, start_epoch=start_epoch)
    model = torch.nn.Sequential(torch.nn.Sequential(pcb), EQLv2(num_classes=3))
    loop = object.__new__(loop_type)
    loop._max_epochs = loop._max_iters = length
    return pcb, SimpleNamespace(
        model=torch.nn.DataParallel(model) if wrapped else model,
        train_loop=loop,
        train_dataloader=DataLoader(list(range(10)), batch_size=4),
        epoch=0,
        iter=0,
    )


@pytest.mark.parametrize('wrapped', [False, True])
def test_losses_are_told_the_epoch(wrapped):
    pcb, runner = make_runner(24, wrapped=wrapped)
    hook = LossEpochHook()
    hook.before_train(runner)
    for runner.epoch in (0, 16):
        hook.before_train_iter(runner, 0)
        assert pcb.epoch == runner.epoch + 1
    assert pcb.soft_targets(torch.tensor([0])) is not None, 'start_epoch is 17'


def test_iterations_are_counted_in_passes_over_the_images():
    pcb, runner = make_runner(9, IterBasedTrainLoop, start_epoch=2)
    hook = LossEpochHook()
    hook.before_train(runner)
    epochs = []
    for runner.iter in range(9):
        hook.before_train_iter(runner, runner.iter)
        epochs.append(pcb.epoch)
    # 4 i images were seen before iteration i: the eleventh is the first of epoch 2
    assert epochs == [1, 1, 1, 2, 2, 3, 3, 3, 4]


@pytest.mark.parametrize(
    ('loop', 'length', 'start_epoch', 'last'),
    [
        (EpochBasedTrainLoop, 12, 17, 12),
        (EpochBasedTrainLoop, 24, 17, None),
        (IterBasedTrainLoop, 9, 5, 4),
        (IterBasedTrainLoop, 9, 4, None),
        (IterBasedTrainLoop, 9, 0, None),
    ],
)
def test_a_loss_that_never_begins_is_named(loop, length, start_epoch, last, monkeypatch):
    lines = []
    monkeypatch.setattr('longtail_det.engine.hooks.loss_epoch_hook.print_log', lambda text, **_: lines.append(text))
    LossEpochHook().before_train(make_runner(length, loop, start_epoch)[1])
    expected = [] if last is None else [f'start_epoch={start_epoch}, but training ends in epoch {last},']
    assert len(lines) == len(expected)
    assert all(part in line for part, line in zip(expected, lines, strict=True))
