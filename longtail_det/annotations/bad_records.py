"""The bad records of an annotation file, collected until everything has been looked at."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Container

import numpy as np
from numpy.typing import NDArray

NUM_EXAMPLES = 5
ON_BAD = ('error', 'skip')


class BadRecords:
    """What is wrong with a file, collected until everything has been looked at.

    Args:
        path: the file, as the message names it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, kind: str, example: str) -> None:
        """Note one bad record: its kind, a plural, and the sentence that names it."""
        self.counts[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < NUM_EXAMPLES:
            examples.append(example)

    def update(self, other: BadRecords, kinds: Container[str] | None = None) -> None:
        """Note what another one has noted.

        Args:
            other: of the same file.
            kinds: which kinds to take over; all of them where None.
        """
        for kind, count in other.counts.items():
            if kinds is None or kind in kinds:
                self.counts[kind] += count
                examples = self.examples.setdefault(kind, [])
                examples += other.examples[kind][: NUM_EXAMPLES - len(examples)]

    def add_rows(self, kind: str, bad: NDArray[np.bool_], describe: Callable[[int], str]) -> NDArray[np.bool_]:
        """Note the bad rows of a table, of which only the first few are put into words.

        Args:
            kind: plural noun of the kind.
            bad: (rows,) bool.
            describe: row number -> sentence.

        Returns:
            (rows,) bool, the good rows.
        """
        rows = np.flatnonzero(bad)
        if rows.size:
            self.counts[kind] += rows.size
            examples = self.examples.setdefault(kind, [])
            examples += [describe(int(row)) for row in rows[: NUM_EXAMPLES - len(examples)]]
        return ~bad

    def refuse(self, advice: str = 'Repair the file') -> None:
        """Raise what was found; nothing where all is well.

        Args:
            advice: what to do, the end of the message.

        Raises:
            ValueError: there are bad records; the first few of all are named.
        """
        if self.counts:
            total = sum(self.counts.values())
            shown = [example for examples in self.examples.values() for example in examples][:NUM_EXAMPLES]
            more = f'; and {total - len(shown)} more' if total > len(shown) else ''
            raise ValueError(
                f'{self.path}: {total} bad record{"s" if total > 1 else ""}: {"; ".join(shown)}{more}. {advice}'
            )

    def settle(self, on_bad: str) -> None:
        """Raise or log what was found; nothing where all is well.

        Args:
            on_bad: 'error' raises the first few of all, 'skip' logs one line per kind.

        Raises:
            ValueError: there are bad records and `on_bad` is 'error'.
        """
        if on_bad == 'error':
            self.refuse("Repair the file, or go on without them by on_bad='skip'")
        for kind, count in self.counts.items():
            logging.getLogger(__name__).warning(
                f'{self.path}: left out {count} {kind}, for example {self.examples[kind][0]}'
            )
