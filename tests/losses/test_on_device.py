"""Every loss on a CUDA device: the CPU's values, gradients and state, half precision, and no wait for the device."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from .catalog import LOSSES, NUM_CLASSES, build

pytestmark = pytest.mark.cuda
EACH = pytest.mark.parametrize('name', list(LOSSES))
#: names in a profiler trace of what makes the host wait: a copy to it, a scalar, a shape that depends on values
WAITS = ('Memcpy DtoH', 'aten::_local_scalar_dense', 'aten::nonzero')


def total(loss):
    return sum(loss.values()) if isinstance(loss, dict) else loss


def prepared(name, roi_batch, device, dtype=torch.float32):
    """The loss on the CPU and its copy on the device, both waiting for the hook, and a batch on the CPU."""
    loss = build(name)
    if hasattr(loss, 'defer_statistics'):
        loss.defer_statistics()
    logits, labels = roi_batch(64, NUM_CLASSES, extra_channels=loss.extra_channels, dtype=dtype)
    return loss, copy.deepcopy(loss).to(device), logits.detach(), labels


def step(loss, logits, labels):
    """Loss, gradient and accuracies of a training step; the statistics are flushed as the hook does."""
    logits = logits.detach().requires_grad_()
    # two objects of each class
    ids = 2 * labels + torch.arange(len(labels), device=labels.device) % 2
    options = {'object_ids': ids} if getattr(loss, 'takes_object_ids', False) else {}
    value = total(loss(logits, labels, torch.ones(len(labels), device=labels.device), avg_factor=30.0, **options))
    (gradient,) = torch.autograd.grad(value, logits)
    if getattr(loss, '_pending', torch.zeros(0)).numel():
        loss.flush_statistics(loss.pending_statistics().clone())
    return value.detach(), gradient, loss.get_accuracy(logits.detach(), labels)


@pytest.fixture
def same_draws(monkeypatch):
    """Draw on the CPU, so that both devices see the same numbers."""
    rand, exponential = torch.rand, torch.Tensor.exponential_

    def rand_on_cpu(*size, device=None, dtype=None):
        return rand(*size, dtype=dtype).to(device or 'cpu')

    def rand_like(tensor):
        return rand(tensor.shape, dtype=tensor.dtype).to(tensor.device)

    monkeypatch.setattr(torch, 'rand', rand_on_cpu)
    monkeypatch.setattr(torch, 'rand_like', rand_like)
    monkeypatch.setattr(torch.Tensor, 'exponential_', lambda x: x.copy_(exponential(torch.empty(x.shape))))


@EACH
def test_two_steps_are_those_of_the_cpu(name, device, roi_batch, same_draws):
    expected, found, logits, labels = prepared(name, roi_batch, device)
    for _ in range(2):
        torch.manual_seed(3)
        wanted = step(expected, logits, labels)
        torch.manual_seed(3)
        got = step(found, logits.to(device), labels.to(device))
        torch.testing.assert_close(got, wanted, check_device=False, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        dict(found.named_buffers()), dict(expected.named_buffers()), check_device=False, rtol=1e-4, atol=1e-5
    )
    scores = found.get_activation(logits.to(device))
    torch.testing.assert_close(scores.cpu(), expected.get_activation(logits), rtol=1e-4, atol=1e-6)


@EACH
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(name, dtype, device, roi_batch):
    _, loss, logits, labels = prepared(name, roi_batch, device, dtype)
    logits, labels = logits.to(device), labels.to(device)
    results = []
    for x, autocast in ((logits, None), (logits.float(), torch.autocast(device, dtype=dtype))):
        state = copy.deepcopy(loss)
        torch.manual_seed(3)
        if autocast is None:
            results.append(step(state, x, labels)[:2])
        else:
            with autocast:
                results.append(step(state, x, labels)[:2])
    (half, half_gradient), (full, full_gradient) = results
    assert half_gradient.dtype == dtype
    assert half.isfinite()
    torch.testing.assert_close(half, full)
    torch.testing.assert_close(half_gradient, full_gradient.to(dtype))


@EACH
def test_a_training_step_waits_for_nothing(name, device, roi_batch):
    """PyTorch refuses to wait, and the profiler counts no wait; tests/losses/test_host_waits.py proves it on a CPU."""
    _, loss, logits, labels = prepared(name, roi_batch, device)
    logits, labels = logits.to(device), labels.to(device)
    step(loss, logits, labels)  # the first may ask the buffers
    on_cuda = device == 'cuda'
    if on_cuda:
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode('error')
    try:
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_cuda else [])]
        with profile(activities=activities) as trace:
            step(loss, logits, labels)
    finally:
        if on_cuda:
            torch.cuda.set_sync_debug_mode('default')
    names = {event.name for event in trace.events()}
    assert names, 'the step was recorded'
    waits = {name for name in names if any(wait in name for wait in WAITS)}
    assert not (on_cuda and waits)
