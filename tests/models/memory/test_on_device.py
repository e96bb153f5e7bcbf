"""The bank on a CUDA device: what it stores and gives on the CPU."""

from __future__ import annotations

import copy

import pytest
import torch

from longtail_det.models.memory import FeatureBank

pytestmark = pytest.mark.cuda


def test_the_bank_is_that_of_the_cpu(device):
    generator = torch.Generator().manual_seed(0)
    bank = FeatureBank(num_classes=30, feat_dim=8, target_dim=4, capacity=5, target_classes=range(0, 30, 2))
    other = copy.deepcopy(bank).to(device)
    for _ in range(6):
        features, targets = torch.randn(64, 8, generator=generator), torch.randn(64, 4, generator=generator)
        labels = torch.randint(31, (64,), generator=generator)
        bank.push(features, labels, targets)
        other.push(features.to(device), labels.to(device), targets.to(device))
    torch.testing.assert_close(dict(other.state_dict()), dict(bank.state_dict()), check_device=False, rtol=0, atol=0)
    for found, expected in zip(other.sample(labels.to(device), 3), bank.sample(labels, 3), strict=True):
        assert torch.equal(found.cpu(), expected)
    padded = zip(
        other.sample_padded(labels.to(device), 3, 'recent', 20),
        bank.sample_padded(labels, 3, 'recent', 20),
        strict=True,
    )
    assert all(torch.equal(found.cpu(), expected) for found, expected in padded)
