"""What every adapted model has to do, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from longtail_det.losses import counting_modules, sync_statistics


def train(model: nn.Module, loss_of: Callable[[], Tensor], steps: int = 6, lr: float = 1e-2) -> list[float]:
    """Losses of some steps; every parameter that is trained gets a finite gradient in the first."""
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=lr)
    history = []
    for _ in range(steps):
        total = loss_of()
        optimizer.zero_grad()
        total.backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        assert gradients
        assert all(gradient.isfinite().all() for gradient in gradients)
        optimizer.step()
        history.append(total.item())
    return history


def train_dense(model: nn.Module, loss: nn.Module, loss_of: Callable[[], Tensor], **options: float) -> None:
    """Train with the state of a loss standing still, as the loss is another function after it has moved.

    The model's loss falls, and the loss has counted the gradients of its classes.
    """
    for module in counting_modules(loss):
        module.defer_statistics()
    history = train(model, loss_of, **options)
    assert history[-1] < history[0]
    for module in counting_modules(loss):
        assert not moved(module.neg_grad)
    sync_statistics(loss)
    for module in counting_modules(loss):
        assert moved(module.neg_grad)


def moved(buffer: Tensor) -> bool:
    """Whether a state that starts at zero has changed."""
    return bool(buffer.abs().sum() > 0)
