"""Processes that end when they should: with their parent, and on a signal after a checkpoint."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from types import FrameType
from typing import Any

_PR_SET_PDEATHSIG = 1
#: seconds that a loader worker lives on after SIGTERM, while its run saves a checkpoint
_WORKER_GRACE = 120


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Have the kernel send this process a signal when the one that started it is gone (Linux only).

    Args:
        number: the signal.
    """
    if sys.platform == 'linux':
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def guard_worker() -> None:
    """Set up a loader worker: it ends at once with its run, and a signal to the whole job leaves it time to end first.

    Slurm and a closed terminal signal every process of a job. A worker that dies of that disturbs its run while it
    saves a checkpoint.
    """
    die_with_parent(signal.SIGKILL)
    if hasattr(signal, 'SIGALRM'):
        signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_WORKER_GRACE))
    if hasattr(signal, 'SIGHUP'):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


class StopRequest:
    """Remembers SIGTERM and SIGHUP until the run is at a place where it can save; the second one ends at once.

    A SIGHUP that was ignored when the run started (nohup) stays ignored.
    """

    def __init__(self) -> None:
        #: number of the signal that arrived; 0 for none
        self.number = 0
        self._before: dict[int, Any] = {}

    def listen(self) -> None:
        """Start to listen; outside the main thread, where Python allows no handlers, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in ('SIGTERM', 'SIGHUP'):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._remember)

    def close(self) -> None:
        """Put back what was there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self.close()
