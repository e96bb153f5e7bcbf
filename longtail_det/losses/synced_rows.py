"""A (C, C) table of a loss, of which a step moves the rows of its classes."""

from __future__ import annotations

import torch
from torch import Tensor

from .statistics_sync import SyncedStatistics

#: classes of the largest table, 64 MiB in float32
MAX_TABLE_CLASSES = 4096


class SyncedRows(SyncedStatistics):
    """Mixin of losses that sum a row of C scores for each foreground RoI into the row of its label.

    A step costs as much as its RoIs, never C squared: sums are kept for the classes of the batch alone. Over ranks
    `StatisticsSyncHook` sums the counts of all classes first. Then every rank knows whose rows are moved, and these
    are summed.
    """

    _pending_rows: list[tuple[Tensor, Tensor]]

    def init_rows(self, num_classes: int) -> None:
        """Register what waits for the hook.

        Args:
            num_classes: C.

        Raises:
            ValueError: a table that is too large.
        """
        if num_classes > MAX_TABLE_CLASSES:
            raise ValueError(
                f'{type(self).__name__}: num_classes={num_classes} needs a table of {num_classes} x {num_classes} '
                f'({num_classes**2 / 2**18:.0f} MiB); expected at most {MAX_TABLE_CLASSES} classes, use another loss'
            )
        self.init_pending(num_classes)
        self._pending_rows = []

    def add_rows(self, labels: Tensor, scores: Tensor) -> None:
        """Add what a step counted.

        Args:
            labels: (M,) int64 in [0, C) of foreground RoIs.
            scores: (M, C) of each.
        """
        classes, index = labels.unique(return_inverse=True)
        sums = scores.new_zeros(len(classes), scores.size(1)).index_add_(0, index, scores).to(self._pending)
        counts = torch.bincount(index, minlength=len(classes)).to(self._pending)
        if self.statistics_deferred:
            self._pending.index_add_(0, classes, counts)
            self._pending_rows.append((classes, sums))
        else:
            self.apply_rows(classes, counts, sums)

    def pending_rows(self, counts: Tensor) -> Tensor:
        """Return (P, C) sums that wait for the hook, of the P classes that were counted.

        Args:
            counts: (C,) RoIs of each class, of this rank or summed over ranks.
        """
        place = (counts > 0).cumsum(0) - 1
        rows = counts.new_zeros(int((counts > 0).sum()), len(counts))
        for classes, sums in self._pending_rows:
            rows.index_add_(0, place[classes], sums)
        return rows

    def flush_statistics(self, summed: Tensor, rows: Tensor | None = None) -> None:
        """Apply the sums over ranks of what was pending, and start afresh.

        Args:
            summed: (C,) RoIs of each class.
            rows: (P, C) sums of the classes with a RoI, ascending; by default those of this rank.
        """
        rows = self.pending_rows(summed) if rows is None else rows
        classes = summed.nonzero().squeeze(1)
        self.apply_rows(classes, summed[classes], rows)
        self._pending.zero_()
        self._pending_rows = []

    def apply_rows(self, classes: Tensor, counts: Tensor, sums: Tensor) -> None:
        """Move the rows of the table.

        Args:
            classes: (P,) int64, distinct.
            counts: (P,) RoIs of each, at least 1.
            sums: (P, C) sums of their scores.
        """
        raise NotImplementedError
