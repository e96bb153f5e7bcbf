"""LogitStatistics: any cut into batches, and any number of ranks, gives the statistics of all rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.calibration import LogitStatistics, LogN
from longtail_det.functional.calibration import logn


def rows(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 5 + 3 * torch.randn(count, 4, generator=generator, dtype=torch.float64)


def counted(batches, **kwargs):
    statistics = LogitStatistics(4, **kwargs)
    for batch in batches:
        statistics.update(batch)
    return statistics


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(0, 9))
def test_batches_do_not_matter(sizes, seed):
    everything = rows(2 + sum(sizes), seed)
    found = counted(everything.split([2, *sizes]))
    torch.testing.assert_close(found.mean, everything.mean(0))
    torch.testing.assert_close(found.var, everything.var(0))
    assert found.num_rows == len(everything)
    parts = counted([everything[:1]]), counted(everything[1:].split(3))
    parts[0].merge(parts[1])
    torch.testing.assert_close(dict(parts[0].state_dict()), dict(found.state_dict()))


def test_large_means_lose_no_digits():
    large = rows(1000).float() + 1e4
    torch.testing.assert_close(counted(large.split(10)).var, large.double().var(0))


def test_with_a_momentum_it_is_batchnorm():
    norm = torch.nn.BatchNorm1d(4, affine=False, momentum=0.1).double().train()
    batches = rows(60).split(20)
    for batch in batches:
        norm(batch)
    found = counted(batches, momentum=0.1)
    torch.testing.assert_close(found.mean, norm.running_mean)
    torch.testing.assert_close(found.var, norm.running_var)
    with pytest.raises(ValueError, match='cannot be merged'):
        found.merge(LogitStatistics(4))
    with pytest.raises(ValueError, match=r'momentum=1\.5'):
        LogitStatistics(4, momentum=1.5)


def count_on_a_rank(rank, momentum):
    statistics = counted(rows(30).split([25, 5])[rank : rank + 1], momentum=momentum)
    statistics.sum_over_ranks()
    return [statistics.mean.tolist(), statistics.var.tolist(), statistics.num_rows.item()]


@pytest.mark.parametrize('momentum', [None, 0.1])
def test_two_ranks_are_one(momentum, two_processes):
    found = two_processes(count_on_a_rank, momentum)
    assert found[0] == found[1]
    if momentum is None:
        whole = counted([rows(30)])
        expected = whole.mean, whole.var
    else:
        parts = [counted([part], momentum=momentum) for part in rows(30).split([25, 5])]
        expected = [sum(getattr(part, name) for part in parts) / 2 for name in ('mean', 'var')]
    for value, wanted in zip(found[0], expected, strict=False):
        torch.testing.assert_close(torch.tensor(value, dtype=torch.float64), wanted)
    assert found[0][2] == 30


def test_logn_counts_then_normalizes_class_columns_alone():
    calibration = LogN(num_classes=4).eval()
    logits = torch.cat([rows(50), torch.ones(50, 2)], dim=1)
    with pytest.raises(RuntimeError, match='no logit statistics'):
        calibration.adjust_logits(logits)
    calibration.collecting = True
    assert calibration.adjust_logits(logits) is logits
    calibration.collecting = False
    assert calibration.train().adjust_logits(logits) is logits
    found = calibration.eval().adjust_logits(logits)
    assert torch.equal(found[:, 4:], logits[:, 4:])
    background = torch.zeros(1, dtype=torch.float64)
    mean, var = torch.cat([rows(50).mean(0), background]), torch.cat([rows(50).var(0), background])
    torch.testing.assert_close(found[:, :4], logn(logits[:, :5], mean, var)[:, :4])
    torch.testing.assert_close(found[:, :4].std(0), torch.ones(4, dtype=torch.float64))
    restored = LogN(num_classes=4).eval()
    restored.load_state_dict(calibration.state_dict())
    assert torch.equal(restored.adjust_logits(logits), found)


def test_no_row_changes_nothing():
    statistics = LogitStatistics(4)
    statistics.update(torch.zeros(0, 4))
    statistics.sum_over_ranks()
    assert statistics.mean.tolist() == [0.0] * 4
    assert statistics.var.tolist() == [1.0] * 4
