"""Every classification loss under RIOBBoxHead: as in the parent without replay, and with replayed rows."""

from __future__ import annotations

import pytest
import torch

from .rio_heads import LOSSES, NUM_CLASSES, STEPS, TARGETS, assert_same, backward, build, run


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('reg_class_agnostic', [False, True])
def test_without_replay_it_is_the_parent(loss, reg_class_agnostic):
    arguments = dict(loss_cls=LOSSES[loss], reg_class_agnostic=reg_class_agnostic)
    head = build(replay=False, bank=None, **arguments)
    parent = build('LongTailBBoxHead', **arguments)
    assert_same(head.state_dict(), parent.state_dict())
    for seed, step in enumerate(STEPS):
        mine, theirs = [], []
        for each, out in ((head, mine), (parent, theirs)):
            torch.manual_seed(seed)  # DropLoss draws
            losses, x = run(each, step, seed)
            out += [losses, backward(each, losses), x.grad]
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


@pytest.mark.parametrize('loss', LOSSES)
def test_an_empty_bank_or_no_foreground_is_the_parent(loss):
    head, parent = build(loss_cls=LOSSES[loss]), build('LongTailBBoxHead', loss_cls=LOSSES[loss])
    no_foreground = [([], 4), ([], 1)]
    for step in (no_foreground, STEPS[0], no_foreground, [([0, 2, 4], 3)]):
        losses = []
        for each in (head, parent):
            torch.manual_seed(0)
            losses.append(run(each, step)[0])
        assert_same(*losses)


@pytest.mark.parametrize('loss', LOSSES)
def test_every_loss_composes(loss):
    head, parent = build(loss_cls=LOSSES[loss]), build('LongTailBBoxHead', loss_cls=LOSSES[loss])
    run(head, STEPS[0])
    for seed, step in enumerate(STEPS):
        losses, _ = run(head, step, seed)
        gradients = backward(head, losses)
        assert all(value.isfinite().all() for value in [*losses.values(), *gradients.values()])
        accuracies = {key: value for key, value in losses.items() if key.startswith('acc')}
        of_parent, _ = run(parent, step, seed)
        assert accuracies, 'every loss logs an accuracy'
        assert_same(accuracies, {key: of_parent[key] for key in accuracies})  # of this step's RoIs alone


@pytest.mark.parametrize('loss', ['SeesawLoss', 'EQLv2'])
def test_a_loss_that_counts_counts_replayed_rows(loss):
    head, parent = build(loss_cls=LOSSES[loss]), build('LongTailBBoxHead', loss_cls=LOSSES[loss])
    for each in (head, parent):
        for seed, step in enumerate(STEPS[:2]):
            run(each, step, seed)
    counted, of_parent = dict(head.loss_cls.named_buffers()), dict(parent.loss_cls.named_buffers())
    if loss == 'SeesawLoss':
        extra = counted['cum_samples'] - of_parent['cum_samples']
        assert extra.tolist() == [0, 2, 0, 0, 0, 0]
    else:
        assert counted['pos_grad'][1] > of_parent['pos_grad'][1]
        assert (counted['neg_grad'] >= of_parent['neg_grad']).all()


def test_the_mean_scores_of_ebl_are_by_object_and_replayed_rows_of_a_class_are_one_object_more():
    """Three objects of class 3 in one image and two of class 1, then what is replayed of both."""
    head = build(loss_cls=LOSSES['EBL'])
    with torch.no_grad():
        head.fc_cls.weight.normal_()
    run(head, STEPS[0])
    step, seed = [([3, 3, 3, 1], 1), ([1], 2)], 5
    before = head.loss_cls.mean_score.clone()
    labels = torch.tensor([3, 3, 3, 1, 5, 1, 5, 5])
    with torch.no_grad():
        x = torch.randn(8, 2, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        own = head(x)[0].softmax(1)
        stored = {c: head.fc_cls(head.bank.sample(torch.tensor([c]), 2)[0].double()).softmax(1)[:, c] for c in (1, 3)}
    assert [len(stored[c]) for c in (1, 3)] == [2, 1]
    run(head, step, seed)
    for c in range(NUM_CLASSES):
        objects = [*own[labels == c, c].tolist(), *([stored[c].mean().item()] if c in TARGETS else [])]
        kept = 0.9 ** len(objects)
        expected = before[c] if not objects else kept * before[c] + (1 - kept) * sum(objects) / len(objects)
        assert head.loss_cls.mean_score[c].item() == pytest.approx(float(expected), rel=1e-5), c
