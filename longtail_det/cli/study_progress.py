"""The progress of a study: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from longtail_det.reports.study import RECORD, Run

from .study_claim import claimed_by
from .study_state import failure_of, failure_time, is_done
from .text_table import text_table

if TYPE_CHECKING:
    from .study_worker import Active, Worker

_TAIL = 4096
_ITERATION = re.compile(rb'\[ *(\d+)/(\d+)\].*?eta: ((?:\d+ days?, )?[\d:]+)')


class Progress:
    """What a worker has done, is doing and will need.

    Args:
        runs: of the study.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._seconds: dict[tuple[str, int], float] = {}
        self.terminal = sys.stderr.isatty()
        self._lines = 0
        self._shown: list[str] = []

    def show(self, worker: Worker) -> None:
        """Draw the table anew, or print what is new where the output is no terminal."""
        rows = [_state(active) for active in worker.active]
        if self.terminal:
            text = '\n'.join([self._headline(worker), *(f'  {line}' for line in _aligned(rows))])
            back = f'\x1b[{self._lines}F\x1b[J' if self._lines else ''
            print(f'{back}{text}', file=sys.stderr, flush=True)
            self._lines = text.count('\n') + 1
            return
        steps = [f'{row[0]}: {row[1]}' for row in rows]
        new = [line for line in steps if line not in self._shown]
        if new:
            print('\n'.join([self._headline(worker), *(f'  {line}' for line in new)]), file=sys.stderr, flush=True)
        self._shown = steps

    def finish(self, worker: Worker) -> None:
        """Print what was done and what is left."""
        self._lines, self._shown = 0, []
        print(self._headline(worker), file=sys.stderr, flush=True)
        waiting = [run for run in self._runs if not worker.done(run) and not worker.failed(run)]
        for run in [run for run in waiting if run not in worker.elsewhere]:
            print(f'  {run.label} waits for {", ".join(worker.missing(run))}', file=sys.stderr)

    def _headline(self, worker: Worker) -> str:
        done = sum(worker.done(run) for run in self._runs)
        failed = sum(worker.failed(run) for run in self._runs)
        counts = [(len(worker.active), 'running here'), (len(worker.elsewhere), 'elsewhere'), (failed, 'failed')]
        parts = [f'{done} of {len(self._runs)} runs done', *(f'{count} {word}' for count, word in counts if count)]
        seconds = self._left(worker)
        left = f'; about {_duration(seconds)} left' if seconds else ''
        return f'{time.strftime("%H:%M:%S")} {", ".join(parts)}{left}'

    def _left(self, worker: Worker) -> float:
        """Seconds until the last run is done, from the time that runs of the same kind took; 0 where unknown."""
        for run in self._runs:
            if (run.name, run.seed) not in self._seconds and worker.done(run):
                self._seconds[run.name, run.seed] = _seconds_of(run)
        known = [
            (run, self._seconds[run.name, run.seed]) for run in self._runs if (run.name, run.seed) in self._seconds
        ]
        spent = {(active.run.name, active.run.seed): active.seconds() for active in worker.active}
        total = 0.0
        for run in self._runs:
            if worker.done(run) or worker.failed(run):
                continue
            alike = (
                [seconds for other, seconds in known if other.name == run.name]
                or [seconds for other, seconds in known if bool(other.of) == bool(run.of)]
                or [seconds for _, seconds in known]
            )
            expected = sum(alike) / len(alike) if alike else 0.0
            total += max(expected - spent.get((run.name, run.seed), 0.0), 0.0)
        return total / max(1, len(worker.active) + len(worker.elsewhere))


def _seconds_of(run: Run) -> float:
    record: dict[str, Any] = msgspec.json.decode((run.folder / RECORD).read_bytes())
    return float(sum(value for key, value in record.items() if key.endswith('_wall_s')))


def _state(active: Active) -> list[str]:
    step = active.steps[0].name
    found = _ITERATION.findall(_tail(active.run.folder / f'{step}.out'))
    if not found:
        return [active.run.label, step, '', '']
    at, of, eta = (part.decode() for part in found[-1])
    return [active.run.label, step, f'{at}/{of}', f'{eta} left']


def _tail(path: Path) -> bytes:
    try:
        with path.open('rb') as stream:
            stream.seek(max(0, path.stat().st_size - _TAIL))
            return stream.read()
    except OSError:
        return b''


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ['  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f'{minutes // 60} h {minutes % 60:02} min' if minutes >= 60 else f'{minutes} min'


def status_table(runs: Sequence[Run]) -> str:
    """Return which runs are done, as a table of entries and seeds.

    Args:
        runs: of a study.
    """
    seeds = list(dict.fromkeys(run.seed for run in runs))
    cells = {(run.name, run.seed): _status(run) for run in runs}
    names = dict.fromkeys(run.name for run in runs)
    rows = [[name, *(cells.get((name, seed), '') for seed in seeds)] for name in names]
    done = sum(is_done(run.folder) for run in runs)
    return text_table(['entry', *(f'seed {seed}' for seed in seeds)], rows) + f'\n{done} of {len(runs)} runs done'


def _status(run: Run) -> str:
    if is_done(run.folder):
        return 'done'
    owner = claimed_by(run.folder)
    return owner or ('failed' if failure_time(run) else '-')


def failure_line(run: Run) -> str:
    """Return one line about a run that failed.

    Args:
        run: the run.
    """
    failure = failure_of(run)
    return f'failed: {run.label}, {failure["step"]} ended with exit code {failure["code"]}; see {failure["log"]}'
