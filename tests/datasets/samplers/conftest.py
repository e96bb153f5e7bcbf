"""A dataset of labels alone whose repeat factors are rounded at random."""

from __future__ import annotations

import pytest

from longtail_det.datasets import RepeatFactorDataset

from ..toys import ToyDataset

LABELS = [[0]] * 20 + [[1]] * 6 + [[2]] * 3 + [[3, 0]] * 2
EPOCH_LENGTHS = ['fixed', 'varying']


@pytest.fixture
def dataset():
    return RepeatFactorDataset(ToyDataset(LABELS), 0.4, rounding='stochastic')


def images_of(dataset, positions):
    return [int(dataset.repeat_indices[position]) for position in positions]
