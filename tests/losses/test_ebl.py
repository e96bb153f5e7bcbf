"""EBL: mean scores by object as a loop moves them, and the margins they make."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from longtail_det.functional.losses import mean_of_objects
from longtail_det.losses import EBL

from .catalog import NUM_CLASSES, build


def steps(roi_batch, number=4):
    """Batches of logits, labels and object ids; the RoIs of one object have one label."""
    generator = torch.Generator().manual_seed(3)
    for seed in range(number):
        logits, _ = roi_batch(12, NUM_CLASSES, extra_channels=1, seed=seed)
        label_of = torch.randint(NUM_CLASSES, (5,), generator=generator)
        ids = torch.randint(-1, 5, (12,), generator=generator)
        yield logits, torch.where(ids < 0, NUM_CLASSES, label_of[ids]), ids


def literal(batches, momentum=0.9, by_object=True):
    """Mean scores after each batch, and the loss of each RoI of the last one."""
    s = [0.01] * (NUM_CLASSES + 1)
    for logits, labels, ids in batches:
        scores = logits.softmax(1).tolist()
        labels, ids = labels.tolist(), ids.tolist()
        for c in range(NUM_CLASSES):
            rois = [i for i, y in enumerate(labels) if y == c]
            objects = sorted({ids[i] for i in rois}) if by_object else [None] * bool(rois)
            means = []
            for which in objects:
                own = [scores[i][c] for i in rois if which in (None, ids[i])]
                means.append(sum(own) / len(own))
            if means:
                s[c] = momentum ** len(means) * s[c] + (1 - momentum ** len(means)) * sum(means) / len(means)
    losses = []
    for x, y in zip(logits.tolist(), labels, strict=True):
        z = [v + math.log(w) for v, w in zip(x, s, strict=True)]
        losses.append(math.log(sum(math.exp(v) for v in z)) - z[y])
    return s, losses


@pytest.mark.parametrize('by_object', [True, False])
@pytest.mark.parametrize('deferred', [True, False])
def test_scores_and_loss_are_the_loops(by_object, deferred, roi_batch):
    loss = build('ebl', reduction='none')
    loss.defer_statistics(deferred)
    for logits, labels, ids in steps(roi_batch):
        got = loss(logits, labels, object_ids=ids if by_object else None)
        if deferred:
            loss.flush_statistics(loss.pending_statistics().clone())
    s, losses = literal(list(steps(roi_batch)), by_object=by_object)
    torch.testing.assert_close(loss.mean_score, torch.tensor(s))
    torch.testing.assert_close(got, torch.tensor(losses, dtype=torch.float64), rtol=1e-5, atol=1e-6)


def test_two_halves_of_a_batch_add_up(roi_batch):
    """As two ranks do: their sums are summed before the state moves; no object is on both."""
    for by_object in (True, False):
        whole, summed = build('ebl'), build('ebl')
        summed.defer_statistics()
        for logits, labels, ids in steps(roi_batch):
            whole(logits, labels, object_ids=ids if by_object else None)
            for rows in (ids < 2, ids >= 2):
                summed(logits[rows], labels[rows], object_ids=ids[rows] if by_object else None)
            summed.flush_statistics(summed.pending_statistics().clone())
        torch.testing.assert_close(summed.mean_score, whole.mean_score)


def test_equal_scores_make_it_cross_entropy(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('ebl', reduction='none').eval()
    torch.testing.assert_close(loss(logits, labels), F.cross_entropy(logits, labels, reduction='none'))


def test_background_moves_nothing(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('ebl', bg_score=0.5)
    before = loss.mean_score.clone()
    loss(logits, torch.full_like(labels, NUM_CLASSES))
    assert torch.equal(loss.mean_score, before)
    assert before[-1] == 0.5


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r'momentum=2; expected|momentum=2, init_score=0.01'):
        EBL(num_classes=3, momentum=2)


def test_background_is_no_object_whatever_its_number_is():
    labels, ids = torch.tensor([2, NUM_CLASSES, 2, 0, NUM_CLASSES]), torch.tensor([7, 7, 7, 1, -1])
    means, owners = mean_of_objects(torch.tensor([0.1, 9.0, 0.3, 0.5, 9.0]), labels, ids, num_classes=NUM_CLASSES)
    found = {int(c): value.item() for c, value in zip(owners, means, strict=True) if c < NUM_CLASSES}
    assert found == pytest.approx({0: 0.5, 2: 0.2})
    assert len(means) == len(labels), 'a number of rows that depends on no value'
