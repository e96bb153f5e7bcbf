"""A claim on a run: an exclusive lock that ends with the processes that work on it, however they end."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from pathlib import Path

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class Claim:
    """The right to work on the run in a folder.

    It is the kernel's lock (flock) on a file in the folder, which NFS passes on between machines. A process started
    with `pass_fds=[claim.fileno()]` shares it: when this process is killed, the run stays claimed until the training
    that it started has ended too, and no longer. So no claim is ever stale.

    Args:
        fd: descriptor of the locked file.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        """Return the descriptor that a process has to inherit."""
        return self._fd

    def release(self) -> None:
        """Give up this process's part; the run is free when no process that inherited the lock is left."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def claim(folder: Path) -> Claim | None:
    """Claim the run in a folder, or return None where another process has it.

    Args:
        folder: is made.

    Raises:
        OSError: the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / 'lock'
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError as error:
        os.close(fd)
        if error.errno in _NO_LOCKS:
            raise OSError(
                error.errno, 'this file system has no locks (flock); set work_dir to one that has', str(path)
            ) from None
        raise
    os.ftruncate(fd, 0)
    os.write(fd, json.dumps({'host': socket.gethostname(), 'pid': os.getpid()}).encode())
    return Claim(fd)


def claimed_by(folder: Path) -> str:
    """Return who works on the run in a folder, `host:pid`; empty where nobody does.

    Args:
        folder: of the run.
    """
    try:
        with (folder / 'lock').open() as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = json.loads(stream.read())
                return f'{owner["host"]}:{owner["pid"]}'
    except (OSError, ValueError):
        pass
    return ''
