"""What the bank of RIOBBoxHead stores and draws, also after a resume and in half precision."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.structures.bbox import bbox2roi

from .rio_heads import BANK, CFG, STEPS, TARGETS, assert_same, build, images_of, run


def test_the_bank_holds_features_after_the_shared_layers():
    head = build()
    _, x = run(head, STEPS[0])
    features, _ = head.branch_features(x)
    labels, _, targets, _ = head.get_targets(images_of(STEPS[0], 0), CFG)
    stored = head.bank.sample(torch.tensor(TARGETS), 9)
    order = torch.tensor([1, 0, 2])  # class 1: the latest first; then class 3
    for part, expected in zip(stored, (features, labels, targets), strict=True):
        torch.testing.assert_close(part, expected[order].detach().to(part.dtype))
    assert head.bank.counts.tolist() == [0, 2, 0, 1, 0]


@pytest.mark.parametrize('strategy', ['recent', 'random'])
def test_a_resume_is_exact(strategy):
    head = build(strategy=strategy)
    for seed, step in enumerate(STEPS[:3]):
        run(head, step, seed)
    resumed = build(strategy=strategy, seed=1)
    resumed.load_state_dict(copy.deepcopy(head.state_dict()))
    for seed, step in enumerate(STEPS):
        losses = []
        for each in (head, resumed):
            torch.manual_seed(seed)  # a random draw comes from PyTorch's generator
            losses.append(run(each, step, 10 + seed)[0])
        assert_same(*losses)
    assert_same(head.state_dict(), resumed.state_dict())


def test_a_random_draw_is_of_what_is_stored():
    head = build(strategy='random', replay_per_class=1, bank=dict(capacity=3, target_classes=[1]))
    run(head, [([1, 1, 1], 2)])
    state = copy.deepcopy(head.state_dict())
    seen = set()
    for seed in range(20):
        head.load_state_dict(state)
        torch.manual_seed(seed)
        seen.add(round(run(head, [([1], 1)], 1)[0]['loss_cls'].item(), 10))
    assert len(seen) == 3


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_a_half_precision_bank_is_close(dtype):
    plain, half = build(), build(bank={**BANK, 'dtype': dtype}).float()
    half.bank.features = half.bank.features.to(getattr(torch, dtype))
    plain.float()
    for each in (plain, half):
        each.bank.push(
            torch.rand(3, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 3, 3]), torch.ones(3, 4)
        )
    images = images_of(STEPS[1], 0)
    losses = []
    for each in (plain, half):
        cls_score, bbox_pred = each(torch.ones(3, 2, 3, 3))
        losses.append(
            each.loss_and_target(cls_score, bbox_pred, bbox2roi([torch.zeros(3, 4)]), images, CFG)['loss_bbox']
        )
    torch.testing.assert_close(*losses, rtol=1e-2, atol=1e-2, check_dtype=False)
    assert half.bank.features.dtype == getattr(torch, dtype)
