"""Mean and variance of the columns of logits that come batch by batch, on any number of ranks."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from longtail_det.checks import number


class LogitStatistics(nn.Module):
    """Mean and unbiased variance of each column of logits.

    Args:
        num_channels: columns.
        momentum: None: exact over all rows that were seen (Welford's method). A number: running mean from 0 and
            variance from 1, as BatchNorm keeps them.

    Raises:
        ValueError: a momentum outside (0, 1].

    Example:
        >>> statistics = LogitStatistics(2)
        >>> statistics.update(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
        >>> statistics.mean.tolist(), statistics.var.tolist()
        ([2.0, 0.0], [2.0, 0.0])
    """

    mean: Tensor
    var: Tensor
    num_rows: Tensor

    def __init__(self, num_channels: int, momentum: float | None = None) -> None:
        super().__init__()
        self.momentum = None if momentum is None else number('momentum', momentum, above=0, high=1)
        self.register_buffer('mean', torch.zeros(num_channels, dtype=torch.float64))
        self.register_buffer('var', torch.ones(num_channels, dtype=torch.float64))
        self.register_buffer('num_rows', torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, logits: Tensor) -> None:
        """Count a batch.

        Args:
            logits: (N, num_channels), any float dtype; no row changes nothing.
        """
        if not len(logits):
            return
        rows = logits.double()
        mean = rows.mean(dim=0)
        var = (rows - mean).square().sum(dim=0) / max(len(rows) - 1, 1)
        if self.momentum is None:
            self._add(rows.new_tensor(float(len(rows))), mean, var)
        else:
            self.mean.lerp_(mean, self.momentum)
            self.var.lerp_(var, self.momentum)
            self.num_rows += len(rows)

    def merge(self, other: LogitStatistics) -> None:
        """Take in what another has counted exactly.

        Args:
            other: of the same columns; neither has a momentum.

        Raises:
            ValueError: a running mean, which has no exact sum.
        """
        if self.momentum is not None or other.momentum is not None:
            raise ValueError('LogitStatistics with a momentum cannot be merged; set momentum=None')
        self._add(other.num_rows, other.mean, other.var)

    def _add(self, num_rows: Tensor, mean: Tensor, var: Tensor) -> None:
        total = self.num_rows + num_rows
        step = (mean - self.mean) * (num_rows / total.clamp(min=1))
        squares = self.var * (self.num_rows - 1).clamp(min=0) + var * (num_rows - 1).clamp(min=0)
        squares += step * (mean - self.mean) * self.num_rows
        if total > 0:
            self.mean += step
            self.var.copy_(squares / (total - 1).clamp(min=1))
            self.num_rows.copy_(total)

    @torch.no_grad()
    def sum_over_ranks(self) -> None:
        """Give every rank the statistics of all ranks: exact sums, or with a momentum the mean of those that counted.

        Every rank has to call it; without a process group it does nothing.
        """
        if not (dist.is_available() and dist.is_initialized()):
            return
        weight = self.num_rows if self.momentum is None else (self.num_rows > 0).double()
        total, weighted, rows = weight.clone(), weight * self.mean, self.num_rows.clone()
        for values in (total, weighted, rows):
            dist.all_reduce(values)
        if not total:
            return
        mean = weighted / total
        if self.momentum is None:
            squares = self.var * (self.num_rows - 1).clamp(min=0) + self.num_rows * (self.mean - mean).square()
            divisor = (total - 1).clamp(min=1)
        else:
            squares, divisor = weight * self.var, total
        dist.all_reduce(squares)
        self.mean.copy_(mean)
        self.var.copy_(squares / divisor)
        self.num_rows.copy_(rows)
