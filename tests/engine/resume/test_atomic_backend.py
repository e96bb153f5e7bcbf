"""A write that is interrupted anywhere leaves what was there before."""

from __future__ import annotations

import os
import resource
import signal

import pytest
import torch

from longtail_det.engine.resume import find_newest_whole
from longtail_det.engine.resume.atomic_backend import AtomicBackend
from longtail_det.engine.resume.checkpoint_files import remove_unfinished
from longtail_det.engine.resume.errors import RunStoppedError
from longtail_det.engine.resume.together import write_together

MEGABYTE = 1 << 20


def save(folder, number, megabytes):
    path = folder / f'iter_{number}.pth'
    torch.save({'meta': {'iter': number}, 'weights': torch.rand(megabytes * MEGABYTE // 4)}, path)
    return path.read_bytes()


def in_child(function):
    """The signal that ended a forked process, or 0."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def test_a_write_killed_at_every_megabyte_costs_only_the_steps_since_the_checkpoint_before(tmp_path):
    save(tmp_path, 1, 1)
    new = save(tmp_path, 2, 8)
    (tmp_path / 'iter_2.pth').unlink()

    def write(limit):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # the kernel kills whoever writes on behind the limit
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        AtomicBackend().put(new, tmp_path / 'iter_2.pth')

    for limit in range(0, len(new), MEGABYTE):
        assert in_child(lambda limit=limit: write(limit)) == signal.SIGXFSZ
        assert find_newest_whole(tmp_path).path == tmp_path / 'iter_1.pth'
        remove_unfinished(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ['iter_1.pth']
    assert in_child(lambda: write(len(new))) == 0
    assert find_newest_whole(tmp_path).path == tmp_path / 'iter_2.pth'


def test_a_full_disk_keeps_what_was_there_and_is_one_line(tmp_path):
    path = tmp_path / 'iter_1.pth'
    old = save(tmp_path, 1, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE // 2, limits[1]))  # Python ignores the signal: an OSError
    try:
        with pytest.raises(RunStoppedError, match=r'^cannot write .*: File too large; what was saved before is whole'):
            write_together(lambda: AtomicBackend().put(old[::-1], path), 'iter_1.pth')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]
