"""One training run to a work dir."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

_NAME = '.training.lock'
#: seconds that a run waits for one that is just ending
_PATIENCE = 10


class WorkDirLock:
    """The right to write checkpoints into a folder; the kernel takes it back when the process ends.

    Args:
        folder: made where it does not exist.

    Raises:
        ValueError: another process has it; names that process.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._holder = folder / f'{_NAME}.holder'
        self._lock = FileLock(folder / _NAME)
        try:
            self._lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise ValueError(
                f'{folder} is in use by another training run ({self._read_holder()}); wait for it, stop it, or choose '
                'another --work-dir'
            ) from None
        started = time.strftime('%Y-%m-%d %H:%M:%S')
        self._holder.write_text(
            f'process {os.getpid()} on {socket.gethostname()} since {started}: {" ".join(sys.argv)[:200]}'
        )

    def release(self) -> None:
        """Give the folder back."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()

    def _read_holder(self) -> str:
        try:
            return self._holder.read_text().strip() or 'unknown'
        except OSError:
            return 'unknown'
