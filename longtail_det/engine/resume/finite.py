"""Watches for losses and weights that are not finite, so that they never reach a checkpoint."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .errors import RunStoppedError


class LossWatch:
    """Remembers on the device whether any loss was NaN or infinite; only `check` waits for the device."""

    def __init__(self) -> None:
        self._seen: Tensor | None = None
        self._last: dict[str, Tensor] = {}

    def observe(self, outputs: Any) -> None:
        """Note the losses of a step; `outputs` is what `train_step` returned."""
        if not isinstance(outputs, dict):
            return
        self._last = {name: value for name, value in outputs.items() if 'loss' in name and torch.is_tensor(value)}
        if not self._last:
            return
        total = torch.stack([value.detach().float().sum() for value in self._last.values()])
        invalid = ~torch.isfinite(total).all()
        self._seen = invalid if self._seen is None else self._seen | invalid

    def check(self, step: int, model: nn.Module | None = None) -> None:
        """Raise on every rank where a loss since the start was not finite on any of them.

        Args:
            step: training steps done, for the message.
            model: also look at its parameters.

        Raises:
            RunStoppedError: a loss or a parameter is NaN or infinite.
        """
        losses = bool(self._seen) if self._seen is not None else False
        flags = torch.tensor([losses, _has_invalid_weight(model) if model is not None else False], dtype=torch.int32)
        all_reduce(flags, 'max')
        if not flags.any():
            return
        names = [name for name, value in self._last.items() if not torch.isfinite(value.detach()).all()]
        which = f' (now: {", ".join(names)})' if names else ''
        found = f'a loss became NaN or infinite{which}' if flags[0] else 'weights became NaN or infinite'
        raise RunStoppedError(
            f'{found} by step {step}; training stops and nothing is saved, the checkpoints before are sound; lower the '
            'learning rate, clip gradients, or look at the images of these steps, and go on with --resume'
        )


def _has_invalid_weight(model: nn.Module) -> bool:
    finite = [torch.isfinite(parameter.detach()).all() for parameter in model.parameters()]
    return bool(finite) and not bool(torch.stack(finite).all())
