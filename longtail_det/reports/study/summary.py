"""One line for each method of a study: mean and spread over the seeds, and the cost of a step."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .records import Row
from .scores import GROUPS


@dataclass(frozen=True)
class Summary:
    """The runs of one entry.

    Args:
        name: of the entry.
        rows: its runs, by seed.
    """

    name: str
    rows: Sequence[Row]

    def mean(self, kind: str, group: str = '') -> float | None:
        """Return the mean AP over the seeds, in [0, 1]; None where a seed has none."""
        values = self._values(kind, group)
        return statistics.fmean(values) if values else None

    def spread(self, kind: str, group: str = '') -> float | None:
        """Return the sample standard deviation of AP over the seeds; None of fewer than two."""
        values = self._values(kind, group)
        return statistics.stdev(values) if len(values) > 1 else None

    def step_cost(self) -> float | None:
        """Return the seconds of processor time of a training step; None where no training ran in one go."""
        costs = [row.train_cpu_s / row.steps for row in self.rows if row.train_cpu_s and row.steps]
        return statistics.median(costs) if costs else None

    def _values(self, kind: str, group: str) -> list[float]:
        found = [row.ap(kind, group) for row in self.rows]
        known = [value for value in found if value is not None]
        return known if len(known) == len(found) else []


def summarize(rows: Iterable[Row]) -> dict[str, Summary]:
    """Return a summary of each entry, by its name, in the order of the rows.

    Args:
        rows: of a study.
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.name, []).append(row)
    return {name: Summary(name, sorted(own, key=lambda row: row.seed)) for name, own in found.items()}


def ap_text(summary: Summary, kind: str) -> str:
    """Return the mean AP as text, in percent: AP (r/c/f).

    Args:
        summary: of an entry.
        kind: 'box' or 'mask'.
    """
    return _grouped([summary.mean(kind, group) for group in GROUPS])


def spread_text(summary: Summary, kind: str) -> str:
    """Return the standard deviation over the seeds as text, in points: AP (r/c/f).

    Args:
        summary: of an entry.
        kind: 'box' or 'mask'.
    """
    return _grouped([summary.spread(kind, group) for group in GROUPS])


def _grouped(values: Sequence[float | None]) -> str:
    texts = ['-' if value is None or math.isnan(value) else f'{100 * value:.1f}' for value in values]
    return f'{texts[0]} ({"/".join(texts[1:])})' if set(texts) != {'-'} else '-'
