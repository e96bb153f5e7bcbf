"""Logit statistics are those of the RoIs of training batches; the model and its training are left as they were."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from longtail_det.calibration import LogN
from longtail_det.engine import LogitStatisticsHook, collect_logit_statistics, training_batches

IMAGES = 5 + torch.randn(24, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class ToyDetector(nn.Module):
    """Every image is a RoI whose features are its logits; a norm that must not move."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.calibration = LogN(num_classes=3)
        self.training_seen = []

    def data_preprocessor(self, batch, training):
        return {'inputs': batch}

    def forward(self, inputs, mode):
        assert mode == 'loss'
        self.training_seen.append(self.training)
        self.norm(inputs.float())
        self.calibration.adjust_logits(inputs)


def test_statistics_are_those_of_all_batches_and_nothing_else_moves():
    model = ToyDetector().train()
    norm = copy.deepcopy(model.norm.state_dict())
    collect_logit_statistics(model, IMAGES.split(5))
    torch.testing.assert_close(model.calibration.statistics.mean, IMAGES.mean(0))
    torch.testing.assert_close(model.calibration.statistics.var, IMAGES.var(0))
    torch.testing.assert_close(model.norm.state_dict(), norm)
    assert model.training
    assert set(model.training_seen) == {False}
    assert not model.calibration.collecting


def test_there_must_be_something_to_collect():
    with pytest.raises(ValueError, match='nothing to collect logits for'):
        collect_logit_statistics(nn.Linear(1, 1), [])
    with pytest.raises(RuntimeError, match='no logit statistics'):
        collect_logit_statistics(ToyDetector(), [])


def collect_on_a_rank(rank):
    model = ToyDetector()
    collect_logit_statistics(model, [IMAGES[rank::2]])
    return model.calibration.statistics.mean.tolist(), model.calibration.statistics.var.tolist()


def test_two_ranks_end_with_the_statistics_of_both(two_processes):
    first, second = two_processes(collect_on_a_rank)
    assert first == second
    torch.testing.assert_close(torch.tensor(first, dtype=torch.float64), torch.stack([IMAGES.mean(0), IMAGES.var(0)]))


@pytest.mark.parametrize('num_workers', [0, 1])
def test_batches_are_drawn_beside_an_iteration_that_goes_on(num_workers):
    loader = DataLoader(range(12), batch_size=2, num_workers=num_workers, persistent_workers=num_workers > 0)
    seen = []
    for batch in loader:
        seen += batch.tolist()
        if len(seen) == 6:
            assert [each.tolist() for each in training_batches(loader, 5)] == [[0, 1], [2, 3], [4, 5]]
    assert seen == list(range(12))


def test_the_hook_gathers_after_the_last_iteration_only():
    runner = SimpleNamespace(
        model=ToyDetector(), iter=7, max_iters=9, train_dataloader=DataLoader(IMAGES, batch_size=4)
    )
    hook = LogitStatisticsHook(num_images=6)
    hook.after_train_iter(runner, 7)
    assert runner.model.calibration.statistics.num_rows == 0
    runner.iter = 8
    hook.after_train_iter(runner, 8)
    assert runner.model.calibration.statistics.num_rows == 8
