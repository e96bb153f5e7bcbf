"""DropLoss in expectation: which terms are dropped, and how often."""

from __future__ import annotations

import pytest
import torch

from longtail_det.functional.kernels import drop_kernel
from longtail_det.functional.losses import drop_rate_mu, dropped_terms, eql_loss, tail_counts

from .catalog import IS_TAIL, NUM_CLASSES, build

TAIL = torch.tensor(IS_TAIL)
LABELS = torch.tensor([0, 0, 1, 5, 5, 4, 5, 5] + [NUM_CLASSES] * 24)  # 3 of 8 foreground RoIs are of the tail


def mu_of(labels):
    return drop_rate_mu(*tail_counts(labels, TAIL))


def drop_loss(logits, labels, is_tail, mu=None):
    """With a draw of its own, as the module has it."""
    dropped = dropped_terms(labels, is_tail, mu_of(labels) if mu is None else mu, torch.rand_like(logits))
    return drop_kernel(logits, labels, dropped)


def kept_share(draws, **kwargs):
    """How often each term of a background RoI survives."""
    kept = torch.zeros(NUM_CLASSES)
    for _ in range(draws):
        logits = torch.zeros(len(LABELS), NUM_CLASSES, requires_grad=True)
        (gradient,) = torch.autograd.grad(drop_loss(logits, LABELS, TAIL, **kwargs).sum(), logits)
        kept += (gradient[LABELS == NUM_CLASSES] != 0).float().mean(0) / draws
    return kept


def test_tail_terms_of_background_are_kept_with_probability_mu():
    torch.manual_seed(0)
    kept = kept_share(400)
    assert mu_of(LABELS).item() == pytest.approx(3 / 8)
    # 400 x 24 draws: four standard deviations are 0.02
    torch.testing.assert_close(kept[TAIL], torch.full((int(TAIL.sum()),), 3 / 8), atol=0.02, rtol=0)
    assert kept[~TAIL].tolist() == pytest.approx([1.0] * int((~TAIL).sum())), 'frequent classes are always kept'


@pytest.mark.parametrize('mu', [0.0, 1.0])
def test_the_ends_are_certain(mu):
    assert kept_share(5, mu=mu)[TAIL].tolist() == pytest.approx([mu] * int(TAIL.sum()))


def test_each_roi_and_class_is_drawn_on_its_own():
    torch.manual_seed(0)
    logits = torch.zeros(len(LABELS), NUM_CLASSES, requires_grad=True)
    (gradient,) = torch.autograd.grad(drop_loss(logits, LABELS, TAIL, mu=0.5).sum(), logits)
    drawn = gradient[LABELS == NUM_CLASSES][:, TAIL] != 0
    assert len(drawn.unique(dim=0)) > 1
    assert len(drawn.unique(dim=1).T) > 1


def test_foreground_is_eql_and_so_is_everything_when_nothing_is_dropped(roi_batch):
    logits, labels = roi_batch(12, NUM_CLASSES)
    foreground = labels < NUM_CLASSES
    torch.testing.assert_close(
        drop_loss(logits, labels, TAIL)[foreground], eql_loss(logits, labels, TAIL).sum(1)[foreground]
    )
    torch.testing.assert_close(drop_loss(logits, labels, TAIL, mu=1.0), eql_loss(logits, labels, TAIL).sum(1))


def test_a_batch_without_foreground_drops_nothing(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES)
    labels = torch.full_like(labels, NUM_CLASSES)
    assert mu_of(labels).item() == 1
    torch.testing.assert_close(drop_loss(logits, labels, TAIL), eql_loss(logits, labels, TAIL).sum(1))


def test_sync_mu_uses_the_counts_of_the_last_iteration():
    loss = build('droploss-sync')
    loss.defer_statistics()
    logits = torch.zeros(len(LABELS), NUM_CLASSES)
    labels = torch.where(LABELS < NUM_CLASSES, int(TAIL.nonzero()[0]), LABELS)  # all foreground is of the tail: mu = 1
    kept, dropped = (drop_loss(logits, labels, TAIL, mu=mu) for mu in (1.0, 0.0))
    torch.testing.assert_close(loss.loss(logits, labels), kept)  # nothing is known in the first iteration
    loss.flush_statistics(torch.tensor([0.0, 10.0]))
    torch.testing.assert_close(loss.loss(logits, labels), dropped)
    loss.flush_statistics(loss.pending_statistics().clone())
    torch.testing.assert_close(loss.loss(logits, labels), kept)
