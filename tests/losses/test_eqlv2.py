"""EQLv2's counters, against the paper's definition in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from .catalog import NUM_CLASSES, build, sigmoid


class Reference:
    """Loss, counters and weights, one number at a time."""

    def __init__(self, gamma=12.0, mu=0.8, alpha=4.0):
        self.gamma, self.mu, self.alpha = gamma, mu, alpha
        self.pos_grad, self.neg_grad = np.zeros(NUM_CLASSES), np.zeros(NUM_CLASSES)
        self.ratio = np.full(NUM_CLASSES, 100.0)

    def step(self, logits, labels):
        f = 1 / (1 + np.exp(-self.gamma * (self.ratio - self.mu)))
        total, pos, neg = 0.0, np.zeros(NUM_CLASSES), np.zeros(NUM_CLASSES)
        for row, y in zip(logits.tolist(), labels.tolist(), strict=True):
            for j, x in enumerate(row):
                positive = y == j
                weight = 1.0 if j == NUM_CLASSES else (1 + self.alpha * (1 - f[j]) if positive else f[j])
                total -= weight * (math.log(sigmoid(x)) if positive else math.log(1 - sigmoid(x)))
                if j < NUM_CLASSES:
                    (pos if positive else neg)[j] += weight * abs(sigmoid(x) - positive)
        self.pos_grad += pos
        self.neg_grad += neg
        self.ratio = self.pos_grad / (self.neg_grad + 1e-10)
        return total


@pytest.mark.parametrize('deferred', [False, True])
def test_six_steps_equal_the_loops(deferred, roi_batch):
    loss, reference = build('eqlv2'), Reference()
    loss.defer_statistics(deferred)
    for seed in range(6):
        logits, labels = roi_batch(40, NUM_CLASSES, extra_channels=1, seed=seed)
        labels[labels == 1] = 0  # class 1 never has a positive: its negatives must fade
        expected = reference.step(logits.detach(), labels)
        assert loss(logits, labels, avg_factor=1.0).item() == pytest.approx(expected, rel=1e-5)
        if deferred:
            loss.flush_statistics(loss.pending_statistics())  # of one process, as `StatisticsSyncHook` does
        np.testing.assert_allclose(loss.pos_grad, reference.pos_grad, rtol=1e-5)
        np.testing.assert_allclose(loss.neg_grad, reference.neg_grad, rtol=1e-5)


def test_the_weights_of_a_step_do_not_know_that_step(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('eqlv2')
    first = loss(logits, labels)
    torch.testing.assert_close(first, build('eqlv2')(logits, labels))
    assert not torch.isclose(loss(logits, labels), first), 'the next step does'


def test_objectness_lowers_every_class_score(roi_batch):
    logits, _ = roi_batch(9, NUM_CLASSES, extra_channels=1)
    with_obj, without = (build('eqlv2', test_with_obj=flag).get_activation(logits) for flag in (True, False))
    torch.testing.assert_close(without, logits.sigmoid())
    torch.testing.assert_close(with_obj[:, :-1], without[:, :-1] * (1 - without[:, -1:]))
    torch.testing.assert_close(with_obj[:, -1], without[:, -1])


def test_resume_is_exact(roi_batch):
    """Three steps, a checkpoint, three more = six steps."""
    batches = [roi_batch(30, NUM_CLASSES, extra_channels=1, seed=seed) for seed in range(6)]
    straight, first, second = build('eqlv2'), build('eqlv2'), build('eqlv2')
    for logits, labels in batches:
        straight(logits, labels)
    for logits, labels in batches[:3]:
        first(logits, labels)
    assert set(first.state_dict()) == {'pos_grad', 'neg_grad'}
    second.load_state_dict(first.state_dict())
    for logits, labels in batches[3:]:
        second(logits, labels)
    torch.testing.assert_close(second.state_dict(), straight.state_dict(), rtol=0, atol=0)
