"""Ten million draws: the distribution is the promised one, and memory stays flat."""

from __future__ import annotations

import mmap
import sys
import tracemalloc
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from longtail_det.models.memory import FeatureBank
from longtail_det.sampling import ClassAwareSampler, ImageLabels, InfiniteRepeatFactorSampler

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')]

DRAWS = 10**7
BLOCK = 10**6


def count_draws(sampler, length):
    """Draws of each image, and the megabytes by which the process grew from the first block to the last."""
    counts, draws, held = np.zeros(length, dtype=np.int64), iter(sampler), []
    for _ in range(DRAWS // BLOCK):
        block = np.fromiter(islice(draws, BLOCK), dtype=np.int64, count=BLOCK)
        counts += np.bincount(block, minlength=length)
        held.append(int(Path('/proc/self/statm').read_text().split()[1]) * mmap.PAGESIZE / 2**20)
    return counts, held[-1] - held[0]


def test_the_endless_repeat_factor_sampler():
    factors = np.random.default_rng(0).choice([1.0, 1.3, 2.75, 9.1], 10**5, p=[0.8, 0.1, 0.08, 0.02])
    counts, growth = count_draws(InfiniteRepeatFactorSampler(factors, seed=1), len(factors))
    epochs = DRAWS / factors.sum()
    assert (counts >= np.floor(epochs) * np.floor(factors)).all()
    assert (counts <= np.ceil(epochs + 1) * np.ceil(factors)).all()
    for factor in np.unique(factors):
        chosen = counts[factors == factor]
        deviation = np.sqrt(epochs * (factor % 1) * (1 - factor % 1) / len(chosen)) + factor / np.sqrt(len(chosen))
        assert abs(chosen.mean() - epochs * factor) < 5 * deviation
    assert growth < 20


def test_the_endless_sampler_of_ten_million_images_holds_a_few_bytes_of_each():
    factors = np.ones(10**7)
    tracemalloc.start()
    sampler = InfiniteRepeatFactorSampler(factors, seed=1, rank=1, world_size=8)
    next(iter(sampler))
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 130 * 2**20  # 80 MB while an epoch is drawn; Python's integers alone took 400
    assert held < 20 * 2**20


def test_the_class_aware_sampler():
    generator = np.random.default_rng(0)
    labels = [np.unique(generator.zipf(1.5, 3) % 50) for _ in range(10**4)]
    images = ImageLabels.flatten(labels, num_classes=50)
    counts, growth = count_draws(ClassAwareSampler(images, seed=1), len(labels))
    # a class is drawn equally often, and its images floor or ceil of their share
    expected = (1 / images.image_count[images.labels]) * DRAWS / np.count_nonzero(images.image_count)
    expected = np.add.reduceat(expected, images.offsets[:-1])
    assert np.abs(counts - expected).max() <= 2 * max(map(len, labels))
    assert growth < 20


def test_the_feature_bank_keeps_the_last_features_and_draws_from_them():
    bank = FeatureBank(num_classes=20, feat_dim=1, target_dim=4, capacity=30, target_classes=range(10), dtype='float32')
    generator = torch.Generator().manual_seed(0)
    size, pushed = bank.features.numel(), 0
    while pushed < DRAWS:
        labels = torch.randint(21, (BLOCK // 10,), generator=generator)
        features = torch.arange(pushed, pushed + len(labels), dtype=torch.float32)[:, None]
        bank.push(features, labels, torch.zeros(len(labels), 4))
        pushed += len(labels)
    assert bank.features.numel() == size
    assert bank.counts[:10].tolist() == [30] * 10
    last = {c: features[labels == c].flatten()[-30:].tolist() for c in range(10)}
    drawn = [bank.sample(torch.arange(10).repeat(100), 30)[:2] for _ in range(3)]
    for stored, labels in drawn:
        for c in range(10):
            assert set(stored[labels == c].flatten().tolist()) <= set(last[c])
