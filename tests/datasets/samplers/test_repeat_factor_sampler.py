"""Random rounding keeps the factors, the ranks share one list, and mistakes are named."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.dataset import RepeatDataset

from longtail_det.datasets import RepeatFactorDataset
from longtail_det.datasets.samplers import InfiniteRepeatFactorSampler, RepeatFactorSampler, repeat_factor_sampler

from ..toys import ToyDataset
from .conftest import EPOCH_LENGTHS, LABELS, images_of

SAMPLERS = [RepeatFactorSampler, InfiniteRepeatFactorSampler]


class Plain:
    """Any dataset with repeat factors."""

    def __init__(self, factors):
        self.repeat_factors = factors

    def __len__(self):
        return len(self.repeat_factors)


def ranks(make, world_size, monkeypatch):
    """The samplers of all ranks."""
    samplers = []
    for rank in range(world_size):
        monkeypatch.setattr(repeat_factor_sampler, 'get_dist_info', lambda rank=rank: (rank, world_size))
        samplers.append(make())
    return samplers


def start_of(sampler, count=None):
    return list(islice(sampler, count))


# ---- the draw


@pytest.mark.parametrize('epoch_length', EPOCH_LENGTHS)
def test_the_mean_count_of_an_image_is_its_factor(dataset, epoch_length):
    sampler = RepeatFactorSampler(dataset, seed=0, epoch_length=epoch_length)
    counts = np.zeros(len(LABELS))
    num_epochs = 2000
    for epoch in range(num_epochs):
        sampler.set_epoch(epoch)
        shown = np.bincount(images_of(dataset, sampler._positions), minlength=len(LABELS))
        assert (shown >= np.floor(dataset.repeat_factors)).all()
        assert (shown <= np.ceil(dataset.repeat_factors)).all()
        counts += shown
    assert (dataset.repeat_factors % 1 > 0).any()
    np.testing.assert_allclose(counts / num_epochs, dataset.repeat_factors, atol=5 * 0.5 / math.sqrt(num_epochs))


@pytest.mark.parametrize('kind', SAMPLERS)
def test_the_same_seed_and_epoch_give_the_same_order(dataset, kind):
    one, other = kind(dataset, seed=5), kind(dataset, seed=5)
    assert start_of(one, 30) == start_of(other, 30) == start_of(one, 30)
    assert start_of(one, 30) != start_of(kind(dataset, seed=6), 30)


def test_epochs_differ_and_a_resumed_one_is_the_same(dataset):
    sampler, resumed = RepeatFactorSampler(dataset, seed=5), RepeatFactorSampler(dataset, seed=5)
    orders = []
    for epoch in range(4):
        sampler.set_epoch(epoch)
        orders.append(tuple(sampler))
    assert len(set(orders)) == 4
    assert len({tuple(sorted(Counter(images_of(dataset, order)).items())) for order in orders}) > 1
    resumed.set_epoch(3)
    assert tuple(resumed) == orders[3]


@pytest.mark.parametrize('kind', SAMPLERS)
def test_without_shuffling_images_come_in_order(dataset, kind):
    sampler = kind(dataset, seed=0, shuffle=False)
    first = images_of(dataset, start_of(sampler, 30))
    assert first == sorted(first)


def test_the_endless_list_is_one_draw_after_the_other(dataset):
    endless = iter(InfiniteRepeatFactorSampler(dataset, seed=0))
    draws = 300
    counts = np.bincount(images_of(dataset, islice(endless, round(draws * dataset.repeat_factors.sum()))))
    np.testing.assert_allclose(counts / draws, dataset.repeat_factors, atol=5 * 0.5 / math.sqrt(draws) + 3 / draws)


# ---- ranks


@pytest.mark.parametrize('epoch_length', EPOCH_LENGTHS)
@settings(deadline=None)  # a busy machine is no failure
@given(
    factors=st.lists(st.floats(1, 4), min_size=1, max_size=12), world_size=st.integers(1, 5), epoch=st.integers(0, 9)
)
def test_shards_are_equally_long_and_make_up_the_list(epoch_length, factors, world_size, epoch):
    with pytest.MonkeyPatch.context() as monkeypatch:
        samplers = ranks(
            lambda: RepeatFactorSampler(Plain(factors), seed=1, epoch_length=epoch_length), world_size, monkeypatch
        )
    for sampler in samplers:
        sampler.set_epoch(epoch)
    shards = [list(sampler) for sampler in samplers]
    assert {len(shard) for shard in shards} == {len(samplers[0])}
    together = [position for turn in zip(*shards, strict=True) for position in turn]
    drawn = samplers[0]._positions.tolist()
    assert together[: len(drawn)] == drawn
    assert len(together) - len(drawn) <= world_size
    padding = together[len(drawn) :]
    assert padding == (drawn * world_size)[: len(padding)]


def test_endless_shards_make_up_the_list(dataset, monkeypatch):
    shards = [start_of(s, 40) for s in ranks(lambda: InfiniteRepeatFactorSampler(dataset, seed=1), 3, monkeypatch)]
    whole = start_of(ranks(lambda: InfiniteRepeatFactorSampler(dataset, seed=1), 1, monkeypatch)[0], 120)
    assert [position for turn in zip(*shards, strict=True) for position in turn] == whole


# ---- lengths


def test_a_fixed_epoch_has_the_expected_length(dataset):
    sampler = RepeatFactorSampler(dataset, seed=0)
    for epoch in range(20):
        sampler.set_epoch(epoch)
        assert len(sampler) == len(list(sampler)) == math.ceil(dataset.repeat_factors.sum())


def test_a_varying_epoch_knows_its_own_length(dataset):
    sampler = RepeatFactorSampler(dataset, seed=0, epoch_length='varying')
    lengths = []
    for epoch in range(20):
        sampler.set_epoch(epoch)
        assert len(sampler) == len(list(sampler))
        lengths.append(len(sampler))
    assert len(set(lengths)) > 2
    assert np.mean(lengths) == pytest.approx(dataset.repeat_factors.sum(), rel=0.05)


# ---- mistakes


def sliced(dataset):
    from mmengine.runner.runner import _SlicedDataset

    return _SlicedDataset(dataset, 4)


@pytest.mark.parametrize('kind', SAMPLERS)
@pytest.mark.parametrize(
    ('make', 'error', 'message'),
    [
        (lambda: ToyDataset(), TypeError, "ToyDataset has no repeat factors .*type='RepeatFactorDataset'"),
        (lambda: RepeatFactorDataset(ToyDataset()), ValueError, "has rounding='ceil'; set rounding='stochastic'"),
        (
            lambda: RepeatDataset(
                {'type': RepeatFactorDataset, 'rounding': 'stochastic', 'dataset': {'type': ToyDataset}}, times=3
            ),
            ValueError,
            'RepeatDataset has 24 items, but its repeat factors are for 8',
        ),
        (
            lambda: sliced(RepeatFactorDataset(ToyDataset(), rounding='stochastic')),
            ValueError,
            'has 4 items, but its repeat factors are for 8; .*num_batch_per_epoch',
        ),
        (lambda: Plain([]), ValueError, 'Plain holds no image'),
    ],
    ids=['none', 'ceil', 'repeated', 'sliced', 'empty'],
)
def test_a_dataset_that_cannot_be_sampled_is_named(kind, make, error, message):
    with pytest.raises(error, match=message):
        kind(make(), seed=0)


def test_an_unknown_epoch_length_is_named(dataset):
    with pytest.raises(ValueError, match="epoch_length is 'long', expected 'fixed' or 'varying'"):
        RepeatFactorSampler(dataset, epoch_length='long')
