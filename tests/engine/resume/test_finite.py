"""A loss or weight that is not finite is remembered until somebody asks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from longtail_det.engine.resume import LossWatch, RunStoppedError


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_one_invalid_loss_among_many_steps_is_found_later(value):
    watch = LossWatch()
    for loss in (1.0, value, 1.0):
        watch.observe({'loss_cls': torch.tensor([0.5, loss]), 'loss': torch.tensor(loss), 'acc': torch.tensor(value)})
    with pytest.raises(RunStoppedError, match='a loss became NaN or infinite by step 3; training stops'):
        watch.check(3)


def test_it_names_the_losses_of_now():
    watch = LossWatch()
    watch.observe({'loss_cls': torch.tensor(float('nan')), 'loss_bbox': torch.tensor(1.0)})
    with pytest.raises(RunStoppedError, match=r'\(now: loss_cls\)'):
        watch.check(1)


def test_finite_losses_and_other_numbers_pass():
    watch = LossWatch()
    watch.check(0)
    watch.observe({'loss': torch.tensor(1e30), 'acc': torch.tensor(float('nan')), 'num': 3})
    watch.observe(None)
    watch.check(1, nn.Linear(2, 2))


def test_an_invalid_weight_is_found():
    model = nn.Linear(2, 2)
    model.bias.data[1] = float('inf')
    with pytest.raises(RunStoppedError, match='weights became NaN or infinite by step 7'):
        LossWatch().check(7, model)


def check_one_bad_rank(rank):
    watch = LossWatch()
    watch.observe({'loss': torch.tensor(float('nan') if rank else 1.0)})
    try:
        watch.check(1)
    except RunStoppedError as error:
        return str(error)


def test_all_ranks_stop_for_one(two_processes):
    first, second = two_processes(check_one_bad_rank)
    assert 'a loss became NaN' in first
    assert 'a loss became NaN' in second
