"""A work dir belongs to one run, and to nobody when that run is gone."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal

import pytest

from longtail_det.engine.resume import WorkDirLock, work_dir_lock


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(work_dir_lock, '_PATIENCE', 0.1)


def hold(folder, held):
    lock = WorkDirLock(folder)
    held.set()
    signal.pause()
    lock.release()


def test_a_second_run_is_told_who_holds_the_folder_until_that_process_is_killed(tmp_path):
    context = multiprocessing.get_context('fork')
    held = context.Event()
    other = context.Process(target=hold, args=(tmp_path, held))
    other.start()
    assert held.wait(20)
    with pytest.raises(
        ValueError, match=rf'{re.escape(str(tmp_path))} is in use by another .*\(process {other.pid} on'
    ):
        WorkDirLock(tmp_path)
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    WorkDirLock(tmp_path).release()


def test_a_folder_that_was_given_back_is_free(tmp_path):
    lock = WorkDirLock(tmp_path / 'new')
    lock.release()
    lock.release()
    WorkDirLock(tmp_path / 'new').release()
