"""Run a case in a fork of this process, bounded in time and memory, and say how it ended."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

#: address space that a case may add, bytes
_MEMORY = 2**30
_SECONDS = 30


class Ending(NamedTuple):
    """How a case ended.

    Args:
        code: exit code; negative for a signal, -SIGALRM for a hang.
        lines: what it wrote to stderr.
    """

    code: int
    lines: list[str]

    @property
    def kind(self) -> str:
        """`one line`, or what is wrong: silent, traceback, hang, killed, or several lines."""
        if self.code == -signal.SIGALRM:
            return 'hang'
        if self.code < 0:
            return 'killed'
        if any(line.startswith('Traceback') for line in self.lines):
            return 'traceback'
        if self.code == 0:
            return 'silent'
        errors = [line for line in self.lines if ': error: ' in line]
        return 'one line' if len(errors) == 1 and self.code == 2 else f'{len(errors)} lines, exit code {self.code}'

    @property
    def line(self) -> str:
        """The line."""
        return next((line for line in self.lines if ': error: ' in line), '')


def in_fork(*steps: Callable[[], int]) -> list[Ending]:
    """Run steps one after the other in one fork.

    Args:
        steps: each returns an exit code; an exception is a traceback.

    Returns:
        How each of them ended; where the fork dies, the last one is the step that killed it.
    """
    with tempfile.TemporaryDirectory() as folder:
        endings: list[Ending] = []
        child = os.fork()
        if not child:
            _run(steps, Path(folder))
        _, status = os.waitpid(child, 0)
        for number in range(len(steps)):
            report, text = Path(folder, f'{number}.json'), Path(folder, f'{number}.txt')
            lines = text.read_text(errors='replace').replace('\r', '\n').splitlines() if text.exists() else []
            if not report.exists():
                return [*endings, Ending(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else 1, lines)]
            endings.append(Ending(json.loads(report.read_text()), lines))
        return endings


def _run(steps: tuple[Callable[[], int], ...], folder: Path) -> None:
    status = Path('/proc/self/status').read_text()
    size = int(status.split('VmSize:')[1].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, size + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for number, step in enumerate(steps):
        signal.alarm(_SECONDS)
        code: Any = 1
        with open(folder / f'{number}.txt', 'w') as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
            sys.stdout = sys.stderr = stream
            try:
                code = step()
            except BaseException:
                import traceback

                traceback.print_exc()
            stream.flush()
        (folder / f'{number}.json').write_text(json.dumps(code))
    os._exit(0)
