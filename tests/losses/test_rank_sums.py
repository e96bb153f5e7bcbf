"""Statistics that wait are applied when they are fetched; over ranks: tests/engine/test_statistics_sync_hook.py."""

from __future__ import annotations

import torch

from longtail_det.losses import EQLv2, SeesawLoss, counting_modules, sync_statistics


def test_seesaw_with_sync_already_counts_its_own_batch():
    plain, synced = SeesawLoss(num_classes=3), SeesawLoss(num_classes=3, sync=True)
    synced.defer_statistics()
    logits, labels = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 1, 3])
    for _ in range(3):
        torch.testing.assert_close(synced(logits, labels), plain(logits, labels))
        sync_statistics(synced)
    torch.testing.assert_close(synced.state_dict(), plain.state_dict())


def test_nothing_to_sync_is_fine():
    sync_statistics(torch.nn.Linear(1, 1))
    loss = SeesawLoss(num_classes=3)
    loss.defer_statistics()
    sync_statistics(loss)
    model = torch.nn.ModuleList([loss, EQLv2(num_classes=3)])
    model[1].defer_statistics()
    sync_statistics(model)  # a loss that counts on its own rank, beside one that waits


def test_the_losses_that_count_are_found_wherever_they_are():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.ModuleList([EQLv2(num_classes=3)]))
    assert counting_modules(model) == [model[1][0]]
    assert counting_modules(model[0]) == []
