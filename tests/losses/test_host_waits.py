"""No loss makes the host wait for a GPU, and what a loss does there in place of choosing rows gives the same values."""

from __future__ import annotations

import sys

import pytest
import torch

from longtail_det import losses
from longtail_det.functional.kernels import fused

from ..host_waits import DEVICE, HostWaitError, never_waiting
from .catalog import LOSSES, NUM_CLASSES, build

ALL = pytest.mark.parametrize('name', list(LOSSES))
COUNTING = [name for name in LOSSES if getattr(build(name), '_pending', torch.zeros(0)).numel()]


def total(loss):
    return sum(loss.values()) if isinstance(loss, dict) else loss


def options_of(loss, labels):
    return {'object_ids': torch.zeros_like(labels)} if getattr(loss, 'takes_object_ids', False) else {}


def started(name, roi_batch, device):
    """A loss after a first step, which may ask the device once; and a batch."""
    loss = build(name)
    if hasattr(loss, 'defer_statistics'):
        loss.defer_statistics()
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=loss.extra_channels, dtype=torch.float32)
    loss(logits, labels, **options_of(loss, labels))
    loss.to(device)
    # the sums that wait for the hook are no buffers
    if hasattr(loss, '_pending_rows'):
        loss._pending_rows = [(classes.to(device), sums.to(device)) for classes, sums in loss._pending_rows]
    return loss, logits.detach().to(device).requires_grad_(), labels.to(device)


@ALL
@pytest.mark.parametrize('deferred', [True, False])
def test_a_training_step_never_waits(name, deferred, roi_batch):
    loss, logits, labels = started(name, roi_batch, DEVICE)
    if hasattr(loss, 'defer_statistics'):
        loss.defer_statistics(deferred)
    weight, avg_factor = torch.ones(9, device=DEVICE), torch.ones((), device=DEVICE)
    with never_waiting():
        value = total(loss(logits, labels, weight, avg_factor=avg_factor, **options_of(loss, labels)))
        value.backward()
        accuracy = loss.get_accuracy(logits.detach(), labels)
        scores = loss.get_activation(logits.detach())
    assert logits.grad.device.type == scores.device.type == DEVICE
    assert {value.device.type for value in accuracy.values()} == {DEVICE}


@pytest.mark.parametrize('name', COUNTING)
def test_the_hook_never_waits(name, roi_batch):
    loss, _, _ = started(name, roi_batch, DEVICE)
    with never_waiting():
        loss.flush_statistics(loss.pending_statistics().clone())


@pytest.mark.parametrize('kind', ['EFL', 'EQFL'])
def test_a_dense_loss_never_waits(kind):
    loss = getattr(losses, kind)(num_classes=NUM_CLASSES).to(DEVICE)
    logits = torch.zeros(9, NUM_CLASSES, device=DEVICE, requires_grad=True)
    labels = torch.zeros(9, dtype=torch.long, device=DEVICE)
    target = (labels, torch.zeros(9, device=DEVICE)) if kind == 'EQFL' else labels
    with never_waiting():
        loss(logits, target, torch.ones(9, device=DEVICE), avg_factor=torch.ones((), device=DEVICE)).backward()
    assert logits.grad.device.type == DEVICE


@ALL
@pytest.mark.parametrize('deferred', [True, False])
def test_without_choosing_rows_the_values_are_the_same(name, deferred, roi_batch, monkeypatch):
    """The path of a GPU, run on the CPU: losses, gradients, accuracies and state."""
    results = []
    for chooses in (True, False):
        with monkeypatch.context() as patch:
            if not chooses:
                for module in modules_that_choose():
                    patch.setattr(module, 'selects_rows', lambda logits: False)
            loss, logits, labels = started(name, roi_batch, 'cpu')
            if hasattr(loss, 'defer_statistics'):
                loss.defer_statistics(deferred)
            torch.manual_seed(5)
            value = total(loss(logits, labels, torch.linspace(0, 2, 9), avg_factor=4.0, **options_of(loss, labels)))
            (gradient,) = torch.autograd.grad(value, logits)
            accuracy = loss.get_accuracy(logits.detach(), labels)
            if deferred and name in COUNTING:
                loss.flush_statistics(loss.pending_statistics().clone())
            results.append((value.detach(), gradient, accuracy, dict(loss.named_buffers())))
    torch.testing.assert_close(*results)


def modules_that_choose():
    """Modules of the losses and kernels that ask `selects_rows`."""
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith(('longtail_det.losses', 'longtail_det.functional.kernels'))
        and hasattr(module, 'selects_rows')
    ]


@pytest.mark.parametrize(
    'run',
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: x.unique(),
        lambda x: x.long().bincount(),
        lambda x: x.cpu(),
        lambda x: torch.tensor([1.0], device=DEVICE),
        lambda x: x.new_tensor([1.0]),
        lambda x: torch.zeros(4).to(DEVICE),
        lambda x: x + torch.zeros(4),
    ],
)
def test_every_way_to_wait_is_noticed(run):
    with never_waiting(), pytest.raises((HostWaitError, RuntimeError, NotImplementedError)):
        run(torch.zeros(4, device=DEVICE))


def test_a_cpu_chooses_rows():
    assert fused.selects_rows(torch.zeros(1))
    assert not fused.selects_rows(torch.zeros(1, device=DEVICE))
