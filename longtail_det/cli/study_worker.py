"""Doing the runs of a study: claim one, run its steps as processes of their own, record it, take the next."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from longtail_det.reports.study import Run

from .study_claim import Claim, claim
from .study_commands import Commands, Step
from .study_state import failure_time, is_done, record_failure, record_step, record_success, step_cost

_POLL_S = 0.2
_REDRAW_S = 5.0


@dataclass
class Active:
    """A run that this process works on.

    Args:
        run: the run.
        claim: held until it ends.
        slot: which of the runs of this machine.
        steps: those that are left, the current one first.
        process: of the current step.
        out: where its output goes.
        started: time of its start.
        used: cost of the steps that are done.
    """

    run: Run
    claim: Claim
    slot: int
    steps: list[Step]
    process: subprocess.Popen[bytes] | None = None
    out: IO[bytes] | None = None
    started: float = 0.0
    used: dict[str, Any] = field(default_factory=dict)

    def seconds(self) -> float:
        """Return the seconds spent on the run so far."""
        spent = sum(value for key, value in self.used.items() if key.endswith('_wall_s'))
        return spent + time.time() - self.started


class Worker:
    """One process that does runs until none is left that it could take.

    A run that fails is recorded, and the others go on; whoever starts after that tries it again.

    Args:
        runs: of the study, in order.
        commands: of the study.
        jobs: runs at a time.
        facts: commit, versions and the like, for the record of each run.
        on_change: is called after a change and every few seconds.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        commands: Commands,
        jobs: int,
        facts: dict[str, Any],
        on_change: Callable[[Worker], None] = lambda worker: None,
    ) -> None:
        self.runs = runs
        self.commands = commands
        self.jobs = jobs
        self.facts = facts
        self.on_change = on_change
        self.active: list[Active] = []
        self.elsewhere: list[Run] = []
        self.redraw_s = _REDRAW_S
        self._since = time.time()
        self._done: set[tuple[str, int]] = set()
        self._drawn = 0.0

    def work(self) -> None:
        """Do runs until none is left to take; processes that are still running are ended when this is interrupted."""
        try:
            while True:
                for active in list(self.active):
                    self._advance(active)
                while len(self.active) < self.jobs and self._take():
                    pass
                if not self.active:
                    return
                self._draw()
                time.sleep(_POLL_S)
        finally:
            for active in self.active:
                self._stop(active)

    def done(self, run: Run) -> bool:
        """Return whether a run is finished; asks the file system until it is."""
        key = (run.name, run.seed)
        if key not in self._done and is_done(run.folder):
            self._done.add(key)
        return key in self._done

    def missing(self, run: Run) -> list[str]:
        """Return the names of the entries that a run needs and that are not done for its seed."""
        folders = {name: self.commands.folder_of(name, run.seed) for name in run.needs}
        return [name for name, folder in folders.items() if not is_done(folder)]

    def failed(self, run: Run) -> bool:
        """Return whether a run failed since this worker started, here or elsewhere."""
        return not self.done(run) and failure_time(run) >= self._since

    def _take(self) -> bool:
        """Claim the first run that is free and whose needs are met, and start it."""
        self.elsewhere = []
        mine = {(active.run.name, active.run.seed) for active in self.active}
        for run in self.runs:
            if (run.name, run.seed) in mine or self.done(run) or self.failed(run):
                continue
            if self.missing(run):
                continue
            held = claim(run.folder)
            if held is None:
                self.elsewhere.append(run)
            elif self.done(run):  # finished between the two looks
                held.release()
            else:
                self._begin(run, held)
                return True
        return False

    def _begin(self, run: Run, held: Claim) -> None:
        """Start with the first step that is not done."""
        slot = min(set(range(self.jobs)) - {active.slot for active in self.active})
        active = Active(run, held, slot, self.commands.steps(run))
        self.active.append(active)
        while active.steps and (used := step_cost(run, active.steps[0].name)) is not None:
            self._finish_step(active, used)
        if active.steps:
            self._start(active)
        else:
            self._record(active)

    def _finish_step(self, active: Active, used: dict[str, Any]) -> None:
        peak = max(active.used.get('peak_rss_mb', 0), used['peak_rss_mb'])
        active.used |= {**used, 'peak_rss_mb': peak}
        del active.steps[0]

    def _start(self, active: Active) -> None:
        step, folder = active.steps[0], active.run.folder
        active.out = (folder / f'{step.name}.out').open('ab')
        active.started = time.time()
        try:
            command = [str(word) for word in step.command()]
        except (OSError, ValueError, KeyError) as error:
            active.out.write(f'{type(error).__name__}: {error}\n'.encode())
            self._fail(active, 2)
            return
        active.process = subprocess.Popen(
            command,
            env=self.commands.environment(active.run, active.slot),
            stdin=subprocess.DEVNULL,
            stdout=active.out,
            stderr=subprocess.STDOUT,
            pass_fds=[active.claim.fileno()],
            start_new_session=True,  # Ctrl-C reaches this process alone, which ends the others
        )
        self._draw(now=True)

    def _advance(self, active: Active) -> None:
        """Look whether the process of a run has ended, and do what comes next."""
        assert active.process is not None
        pid, status, usage = os.wait4(active.process.pid, os.WNOHANG)
        if not pid:
            return
        code = active.process.returncode = os.waitstatus_to_exitcode(status)
        if code:
            self._fail(active, code)
            return
        name = active.steps[0].name
        used = {
            f'{name}_wall_s': round(time.time() - active.started, 1),
            f'{name}_cpu_s': round(usage.ru_utime + usage.ru_stime, 1),
            'peak_rss_mb': round(usage.ru_maxrss / 1024),
        }
        record_step(active.run, name, used)
        self._finish_step(active, used)
        self._close(active)
        if active.steps:
            self._start(active)
        else:
            self._record(active)

    def _record(self, active: Active) -> None:
        checkpoint = '' if active.run.of else self.commands.checkpoint(active.run).name
        record_success(active.run, {**self.facts, **active.used, 'checkpoint': checkpoint})
        self._leave(active)

    def _fail(self, active: Active, code: int) -> None:
        record_failure(active.run, active.steps[0].name, code)
        self._close(active)
        self._leave(active)

    def _close(self, active: Active) -> None:
        if active.out is not None:
            active.out.close()
        active.process, active.out = None, None

    def _leave(self, active: Active) -> None:
        active.claim.release()
        self.active.remove(active)
        self._draw(now=True)

    def _stop(self, active: Active) -> None:
        """End the processes of a run; its training goes on from the last checkpoint another time."""
        if active.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(active.process.pid, signal.SIGTERM)
            try:
                active.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(active.process.pid, signal.SIGKILL)
                active.process.wait()
        self._close(active)
        active.claim.release()

    def _draw(self, now: bool = False) -> None:
        if now or time.time() - self._drawn >= self.redraw_s:
            self._drawn = time.time()
            self.on_change(self)
