"""Processes end with their parent, and signals wait for a place to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from longtail_det.engine.resume import StopRequest

PARENT = """
import os, signal, sys, time
from longtail_det.engine.resume.processes import {name}
child = os.fork()
if child == 0:
    {name}()
    print(os.getpid(), flush=True)
    time.sleep(600)
time.sleep(600)
"""


def is_gone(pid):
    try:
        with open(f'/proc/{pid}/stat') as stream:
            return stream.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except FileNotFoundError:
        return True


@pytest.mark.skipif(sys.platform != 'linux', reason='only Linux tells a process that its parent is gone')
@pytest.mark.parametrize('name', ['die_with_parent', 'guard_worker'])
def test_a_child_ends_when_its_parent_is_killed(name):
    command = [sys.executable, '-c', PARENT.format(name=name)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert not is_gone(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while not is_gone(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_gone(child)


def test_a_signal_is_remembered_and_the_next_one_is_as_before():
    before = signal.getsignal(signal.SIGTERM)
    stop = StopRequest()
    stop.listen()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = StopRequest()
    try:
        stop.listen()
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop.number == 0
    finally:
        stop.close()
        signal.signal(signal.SIGHUP, before)
