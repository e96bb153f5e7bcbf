"""ACSL: which terms count, as loops, and how many background RoIs each group of classes keeps."""

from __future__ import annotations

import math

import pytest
import torch

from longtail_det.functional.losses import acsl_kept

from .catalog import NUM_CLASSES, build

#: shares of rare, common and frequent classes, by class of the catalog
SHARES = (0.3, 0.6, 1.0)
SHARE_OF = [0, 0, 1, 1, 2, 2]


def test_the_loss_is_a_loop_over_the_terms_that_count(roi_batch):
    logits, labels = roi_batch(30, NUM_CLASSES, extra_channels=1)
    loss = build('acsl', reduction='none')
    torch.manual_seed(4)
    draw = torch.rand(30, 4)
    background = [i for i, y in enumerate(labels.tolist()) if y == NUM_CLASSES]
    kept = [
        set(sorted(background, key=lambda i: draw[i, group])[: math.floor(share * len(background))])
        for group, share in enumerate(SHARES)
    ]
    expected = []
    for i, (x, y) in enumerate(zip(logits.tolist(), labels.tolist(), strict=True)):
        total = 0.0
        for j, v in enumerate(x):
            p = 1 / (1 + math.exp(-v))
            if j == y:
                total -= math.log(p)
            elif p >= 0.7 if y < NUM_CLASSES else i in kept[SHARE_OF[j]]:
                total -= math.log1p(-p)
        expected.append(total)
    torch.manual_seed(4)
    torch.testing.assert_close(loss(logits, labels), torch.tensor(expected, dtype=torch.float64))


def test_low_negatives_of_foreground_have_exactly_no_gradient(roi_batch):
    logits, labels = roi_batch(30, NUM_CLASSES, extra_channels=1)
    (gradient,) = torch.autograd.grad(build('acsl')(logits, labels), logits)
    foreground = (labels < NUM_CLASSES)[:, None]
    low = foreground & (logits < math.log(0.7 / 0.3))
    low.scatter_(1, labels[:, None], False)
    assert low[:, -1].any(), 'the column of background is a negative like others'
    assert not gradient[low].any()
    high = foreground & ~low
    assert gradient[high].all()


@pytest.mark.parametrize('num_background', [0, 9, 10, 250])
def test_shares_are_rounded_down(num_background):
    labels = torch.tensor([0] * 7 + [NUM_CLASSES] * num_background)
    kept = acsl_kept(labels, NUM_CLASSES, torch.rand(len(labels), 3), (0.01, 0.1, 1.0))
    assert kept.sum(0).tolist() == [num_background // 100, num_background // 10, num_background]
    assert not kept[:7].any()


def test_each_group_has_a_draw_of_its_own():
    labels = torch.full((400,), NUM_CLASSES)
    torch.manual_seed(0)
    kept = acsl_kept(labels, NUM_CLASSES, torch.rand(400, 2), (0.5, 0.5))
    assert 60 < (kept[:, 0] & kept[:, 1]).sum() < 140
