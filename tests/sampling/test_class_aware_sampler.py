"""Classes come equally often, the images of a class too, and the ranks share one stream that can be resumed."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice

import pytest
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from longtail_det.sampling import ClassAwareSampler, ImageLabels

LABELS = [[0]] * 20 + [[1]] * 6 + [[]] + [[3, 0]] * 2
IMAGES = ImageLabels.flatten(LABELS, num_classes=6)


def draws(number, images=IMAGES, **options):
    return list(islice(ClassAwareSampler(images, **options), number))


@given(
    per_class=st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(any),
    turns=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_every_class_and_every_image_of_it_comes_equally_often(per_class, turns, seed):
    """Images of one class each, so that a draw tells its class."""
    labels = [label for label, number in enumerate(per_class) for _ in range(number)]
    images = ImageLabels.flatten([[label] for label in labels])
    present = [number for number in per_class if number]
    shown = draws(turns * len(present), images, seed=seed)
    assert set(Counter(labels[image] for image in shown).values()) == {turns}
    counts = Counter(shown)
    for image, label in enumerate(labels):
        share = turns / per_class[label]
        assert counts[image] in (math.floor(share), math.ceil(share))


def test_an_image_of_two_classes_is_drawn_for_each():
    shown = Counter(draws(3 * 22))
    # 22 draws of class 3 go to its two images, and class 0 shows each of its 22 images once
    assert shown[27] == shown[28] == 11 + 1
    assert shown[26] == 0, 'an image without a class is never drawn'


def test_order_changes_from_turn_to_turn_and_with_the_seed():
    class_of = {**dict.fromkeys(range(20), 0), **dict.fromkeys(range(20, 26), 1)}
    shown = [class_of.get(image, 3) for image in draws(60)]
    turns = {tuple(shown[start : start + 3]) for start in range(0, 60, 3)}
    assert turns > {(0, 1, 3)}
    assert draws(60) == draws(60) != draws(60, seed=1)


@pytest.mark.parametrize('world_size', [2, 3, 4])
def test_ranks_take_turns_at_the_stream(world_size):
    shards = [draws(200, seed=1, rank=rank, world_size=world_size) for rank in range(world_size)]
    together = [image for turn in zip(*shards, strict=True) for image in turn]
    assert together == draws(200 * world_size, seed=1)


def test_memory_does_not_grow_with_the_stream():
    stream = iter(ClassAwareSampler(IMAGES))
    for _ in range(5000):
        next(stream)
    orders = stream.gi_frame.f_locals['orders']
    assert sum(len(order) for _, order in orders.values()) == len(IMAGES.labels)


def test_it_never_ends_in_a_plain_loader():
    sampler = ClassAwareSampler(IMAGES)
    loader = DataLoader(range(len(LABELS)), batch_size=4, sampler=sampler)
    sampler.set_epoch(1)
    assert len(list(islice(loader, 100))) == 100
    assert len(sampler) == len(LABELS)


def test_the_group_of_torch_is_the_default(monkeypatch):
    for name, value in dict(is_initialized=True, get_rank=1, get_world_size=2).items():
        monkeypatch.setattr(dist, name, lambda value=value: value)
    assert draws(9) == draws(9, rank=1, world_size=2)


def test_no_class_is_named():
    with pytest.raises(ValueError, match='none of 3 images has a class'):
        ClassAwareSampler(ImageLabels.flatten([[], [], []]))
