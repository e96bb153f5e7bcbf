"""FCBL: three steps of a loop over RoIs and classes."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from longtail_det.losses import FCBL

from .catalog import NUM_CLASSES as C


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def literal_loss(x, y, confusion, count, alpha=0.85, prob_thr=0.7):
    def share(a, b):
        return max(confusion[a][b] / count[a] if count[a] else 0.0, 1e-3)

    p = [sigmoid(v) * (1 - sigmoid(x[C])) for v in x]
    total = 0.0
    for j, v in enumerate(x):
        z, counts = v, True
        if y < C and j < C:
            z += alpha * math.log(share(y, j) / share(j, y))
            counts = p[j] >= p[y] or p[j] >= prob_thr
        if counts:
            total -= math.log(sigmoid(z) if j == y else 1 - sigmoid(z))
    return total


@pytest.mark.parametrize('deferred', [False, True])
def test_three_steps_equal_the_loop(deferred, roi_batch):
    loss = FCBL(num_classes=C, reduction='none')
    loss.defer_statistics(deferred)
    confusion, count = [[0.0] * C for _ in range(C)], [0] * C
    for seed in range(3):
        logits, labels = roi_batch(20, C, extra_channels=1, seed=seed)
        got = loss(logits, labels)
        rows = list(zip(logits.tolist(), labels.tolist(), strict=True))
        expected = [literal_loss(x, y, confusion, count) for x, y in rows]
        torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64), rtol=1e-5, atol=1e-6)
        for x, y in rows:  # after the loss
            if y < C:
                total = sum(math.exp(v) for v in x[:C])
                count[y] += 1
                for j in range(C):
                    confusion[y][j] += math.exp(x[j]) / total
        if deferred:
            assert not loss.class_count.any() or seed, 'the table waits for the hook'
            loss.flush_statistics(loss.pending_statistics().clone())
    torch.testing.assert_close(loss.confusion_sum, torch.tensor(confusion))
    torch.testing.assert_close(loss.class_count, torch.tensor(count).float())


def test_muted_negatives_have_exactly_no_gradient(roi_batch):
    logits, labels = roi_batch(20, C, extra_channels=1)
    loss = FCBL(num_classes=C)
    (gradient,) = torch.autograd.grad(loss(logits, labels), logits)
    score = logits[:, :C].sigmoid() * (1 - logits[:, C:].sigmoid())
    own = score.gather(1, labels.clamp(max=C - 1)[:, None])
    muted = (labels < C)[:, None] & (score < own) & (score < 0.7)
    assert muted.any()
    assert not gradient[:, :C][muted].any()
    assert gradient[:, :C][~muted].all()
    assert gradient[:, C].all()


def test_without_margin_and_threshold_it_is_bce(roi_batch):
    """A threshold that every score reaches; no margin before the first step."""
    logits, labels = roi_batch(9, C, extra_channels=1)
    loss = FCBL(num_classes=C, prob_thr=1e-30, reduction='none')
    target = F.one_hot(labels, C + 1).double()
    expected = F.binary_cross_entropy_with_logits(logits, target, reduction='none').sum(1)
    torch.testing.assert_close(loss(logits, labels), expected)


def test_a_table_for_too_many_classes_is_refused():
    with pytest.raises(ValueError, match=r'num_classes=13204 needs a table of 13204 x 13204 \(665 MiB\); expected at'):
        FCBL(num_classes=13204)
    with pytest.raises(ValueError, match='prob_thr=0; expected a finite number, above 0 and at most 1'):
        FCBL(num_classes=3, prob_thr=0)
