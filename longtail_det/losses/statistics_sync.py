"""State of a loss that is summed over ranks after the iteration, never inside forward (docs/architecture.md)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SyncedStatistics(nn.Module):
    """Mixin of losses that count while they train.

    What a step adds is handed to `add_statistics`. In plain use it is applied at once. `StatisticsSyncHook` calls
    `defer_statistics` instead: then it waits in a buffer until the hook has summed it over the ranks after the
    iteration and calls `flush_statistics`, so that all ranks hold the same state, which is also the state of one
    process on the whole batch. A collective inside forward could deadlock: mmdet skips the loss of a rank that
    has no RoI.
    """

    _pending: Tensor

    def init_pending(self, size: int) -> None:
        """Register the buffer of the `size` values a step adds; whenever a checkpoint is written it is empty."""
        self.register_buffer('_pending', torch.zeros(size), persistent=False)
        self.statistics_deferred = False

    def defer_statistics(self, deferred: bool = True) -> None:
        """Set whether what is counted waits for somebody to call `flush_statistics`."""
        self.statistics_deferred = deferred

    def add_statistics(self, values: Tensor) -> None:
        """Add the (size,) values that a step counted."""
        if self.statistics_deferred:
            self._pending += values
        else:
            self.apply_statistics(values)

    def pending_statistics(self) -> Tensor:
        """Return (size,) float32, what waits for the hook."""
        return self._pending

    def flush_statistics(self, summed: Tensor) -> None:
        """Apply the (size,) sums over ranks of what was pending, and start afresh."""
        self.apply_statistics(summed)
        self._pending.zero_()

    def apply_statistics(self, values: Tensor) -> None:
        """Move the loss's state by the (size,) values that were counted."""
        raise NotImplementedError
