"""The losses that ask are told the epoch, through a wrapper, counted from 1."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from longtail_det.engine import LossEpochHook
from longtail_det.losses import PCB, EQLv2


@pytest.mark.parametrize('wrapped', [False, True])
def test_losses_are_told_the_epoch(wrapped):
    pcb = PCB(num_classes=3, base=dict(type='EQLv2'), alpha=0.2)
    model = torch.nn.Sequential(torch.nn.Sequential(pcb), EQLv2(num_classes=3))
    model = torch.nn.DataParallel(model) if wrapped else model
    for epoch in (0, 16):
        LossEpochHook().before_train_epoch(SimpleNamespace(model=model, epoch=epoch))
        assert pcb.epoch == epoch + 1
    assert pcb.soft_targets(torch.tensor([0])) is not None, 'start_epoch is 17'
