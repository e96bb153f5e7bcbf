"""A (C, C) table of a loss, of which a step moves the rows of its classes."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.functional.kernels import selects_rows

from .statistics_sync import SyncedStatistics

#: classes of the largest table, 64 MiB in float32
MAX_TABLE_CLASSES = 4096


class SyncedRows(SyncedStatistics):
    """Mixin of losses that sum a row of C scores for each foreground RoI into the row of its label.

    On a CPU a step costs as much as its RoIs, never C squared: sums are kept for the classes of the batch alone. On a
    GPU, which would have to be asked for these classes, all C rows are summed. Over ranks `StatisticsSyncHook` sums the
    counts of all classes first. Then every rank knows whose rows are moved, and these are summed.
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
            labels: (M,) int64 in [0, C] of RoIs; those of background, C, are left out.
            scores: (M, C) of each.
        """
        counts = scores.new_zeros(self._pending.numel() + 1)
        counts = counts.index_add_(0, labels, scores.new_ones(len(labels)))[:-1].to(self._pending)
        classes = self.classes_of(counts)
        sums = self._sums(classes, counts, [(labels, scores)])
        if self.statistics_deferred:
            self._pending += counts
            self._pending_rows.append((classes, sums))
        else:
            self.apply_rows(classes, counts[classes], sums)

    def classes_of(self, counts: Tensor) -> Tensor:
        """Return (P,) int64 classes that were counted, ascending; all of them where the host would wait to know.

        Args:
            counts: (C,) RoIs of each class.
        """
        if selects_rows(counts):
            return counts.nonzero().squeeze(1)
        return torch.arange(len(counts), device=counts.device)

    def _sums(self, classes: Tensor, counts: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Return (P, C) sums for `classes` of rows that come with their class; background is left out."""
        place = classes.new_full((len(counts) + 1,), len(classes))
        place[classes] = torch.arange(len(classes), device=classes.device)
        sums = counts.new_zeros(len(classes) + 1, len(counts))
        for owner, rows in parts:
            sums.index_add_(0, place[owner], rows.to(sums))
        return sums[:-1]

    def pending_rows(self, counts: Tensor) -> Tensor:
        """Return (P, C) sums that wait for the hook, of the P classes of `classes_of(counts)`.

        Args:
            counts: (C,) RoIs of each class, of this rank or summed over ranks.
        """
        return self._sums(self.classes_of(counts), counts, self._pending_rows)

    def flush_statistics(self, summed: Tensor, rows: Tensor | None = None) -> None:
        """Apply the sums over ranks of what was pending, and start afresh.

        Args:
            summed: (C,) RoIs of each class.
            rows: (P, C) sums of the classes of `classes_of(summed)`; by default those of this rank.
        """
        rows = self.pending_rows(summed) if rows is None else rows
        classes = self.classes_of(summed)
        self.apply_rows(classes, summed[classes], rows)
        self._pending.zero_()
        self._pending_rows = []

    def apply_rows(self, classes: Tensor, counts: Tensor, sums: Tensor) -> None:
        """Move the rows of the table.

        Args:
            classes: (P,) int64, distinct.
            counts: (P,) RoIs of each; a row of 0 stays as it is.
            sums: (P, C) sums of their scores.
        """
        raise NotImplementedError
