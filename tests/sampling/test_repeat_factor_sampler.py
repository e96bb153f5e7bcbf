"""The samplers in a plain torch loader; their draws are tested where mmdet's samplers stand on them."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch.distributed as dist
from torch.utils.data import DataLoader

from longtail_det.sampling import InfiniteRepeatFactorSampler, RepeatFactorSampler, repeat_factors

LABELS = [[0]] * 20 + [[1]] * 6 + [[2]] * 3 + [[3, 0]] * 2
FACTORS = repeat_factors(LABELS, oversample_thr=0.4)
SAMPLERS = [RepeatFactorSampler, InfiniteRepeatFactorSampler]


def test_a_plain_loader_shows_rare_images_more_often():
    sampler = RepeatFactorSampler(FACTORS, seed=3)
    loader = DataLoader(range(len(LABELS)), batch_size=4, sampler=sampler)
    shown = Counter()
    for epoch in range(200):
        sampler.set_epoch(epoch)
        assert len(loader) == -(-len(sampler) // 4)
        shown.update(int(image) for batch in loader for image in batch)
    np.testing.assert_allclose([shown[i] / 200 for i in range(len(LABELS))], FACTORS, atol=0.2)


def test_the_endless_one_never_ends():
    loader = DataLoader(range(len(LABELS)), batch_size=4, sampler=InfiniteRepeatFactorSampler(FACTORS))
    assert len(list(islice(loader, 100))) == 100


@pytest.mark.parametrize('kind', SAMPLERS)
def test_ranks_take_turns(kind):
    def start(**kwargs):
        return list(islice(kind(FACTORS, seed=1, **kwargs), 12))

    shards = [start(rank=rank, world_size=3)[:4] for rank in range(3)]
    assert [position for turn in zip(*shards, strict=True) for position in turn] == start()


@pytest.mark.parametrize('kind', SAMPLERS)
def test_the_group_of_torch_is_the_default(kind, monkeypatch):
    for name, value in dict(is_initialized=True, get_rank=1, get_world_size=2).items():
        monkeypatch.setattr(dist, name, lambda value=value: value)
    sampler = kind(FACTORS)
    assert (sampler.rank, sampler.world_size) == (1, 2)
    assert kind(FACTORS, rank=0).rank == 0


def test_positions_are_those_of_the_images():
    sampler = RepeatFactorSampler([1.0, 2.0], positions=[5, 9], shuffle=False)
    assert list(sampler) == [5, 9, 9]


@pytest.mark.parametrize('kind', SAMPLERS)
def test_no_image_is_named(kind):
    with pytest.raises(ValueError, match='no images to sample'):
        kind([])
