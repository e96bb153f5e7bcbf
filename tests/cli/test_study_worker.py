"""The scheduler of a study with processes that train nothing: claims, kills, failures, needs."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longtail_det.cli.study_claim import claim, claimed_by
from longtail_det.cli.study_state import failure_of, is_done

from . import fake_study
from .conftest import ROOT
from .fake_study import fake_runs, fake_worker

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(tmp_path) -> Iterator[Start]:
    """Start a worker as a process of its own; what is left of it is killed afterwards."""
    workers = []

    def start(*names: str) -> subprocess.Popen:
        command = [sys.executable, fake_study.__file__, str(tmp_path), *names]
        workers.append(subprocess.Popen(command, env={**os.environ, 'PYTHONPATH': str(ROOT)}))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, 'nothing happened for a minute'
        time.sleep(0.02)


def pid_of(folder: Path) -> int:
    """Process of the training in a folder, once it has started."""
    path = folder / 'pid'
    wait_for(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def trainings(folder: Path) -> int:
    return len((folder / 'trained').read_text().splitlines())


def test_what_is_done_is_skipped(tmp_path):
    runs = fake_runs(tmp_path, {'a': '', 'b': ''})
    fake_worker(runs, jobs=2).work()
    assert all(is_done(run.folder) for run in runs)
    fake_worker(runs).work()
    assert [trainings(run.folder) for run in runs] == [1, 1]
    record = json.loads((tmp_path / 'a' / 'run.json').read_text())
    assert record['seed'] == 0
    assert record['commit'] == 'abc'
    assert record['checkpoint'] == 'iter_1.pth'
    assert record['train_wall_s'] >= 0.1
    assert record['peak_rss_mb'] > 1


def test_three_workers_never_take_one_run(tmp_path, start):
    """A training fails where another one is in its folder."""
    names = [f'run{i}' for i in range(9)]
    workers = [start(*names) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert [trainings(tmp_path / name) for name in names] == [1] * 9
    assert all(is_done(run.folder) for run in fake_runs(tmp_path, dict.fromkeys(names, '')))


def test_a_killed_worker_leaves_its_run_claimed_until_its_training_ends(tmp_path, start):
    (tmp_path / 'wait').touch()
    (run,) = fake_runs(tmp_path, {'a': ''})
    worker = start('a')
    pid_of(run.folder)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    other = fake_worker([run])
    other.work()
    assert other.elsewhere == [run]
    assert not is_done(run.folder)
    (tmp_path / 'wait').unlink()  # the training ends by itself
    wait_for(lambda: not (run.folder / 'alone').exists())
    wait_for(lambda: is_done(run.folder) or other.work())
    assert trainings(run.folder) == 2


def test_nothing_is_left_of_a_claim_when_all_of_its_processes_were_killed(tmp_path, start):
    (tmp_path / 'wait').touch()
    (run,) = fake_runs(tmp_path, {'a': ''})
    worker = start('a')
    pid = pid_of(run.folder)
    assert claim(run.folder) is None
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: (held := claim(run.folder)) and (held.release(), True))


def test_an_interrupted_worker_ends_its_training(tmp_path, start):
    (tmp_path / 'wait').touch()
    (run,) = fake_runs(tmp_path, {'a': ''})
    worker = start('a')
    pid = pid_of(run.folder)
    assert claimed_by(run.folder).endswith(f':{worker.pid}')
    worker.send_signal(signal.SIGINT)
    worker.wait(60)
    held = claim(run.folder)
    assert held is not None
    held.release()
    assert claimed_by(run.folder) == ''
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_run_that_fails_is_recorded_and_the_others_go_on(tmp_path):
    runs = fake_runs(tmp_path, {'bad': '', 'second': 'bad', 'good': ''})
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad' / 'code').write_text('3')
    worker = fake_worker(runs)
    worker.work()
    assert [is_done(run.folder) for run in runs] == [False, False, True]
    assert [worker.failed(run) for run in runs] == [True, False, False]
    assert worker.missing(runs[1]) == ['bad']
    failure = failure_of(runs[0])
    assert (failure['step'], failure['code'], failure['log']) == ('train', 3, str(tmp_path / 'bad' / 'train.out'))
    (tmp_path / 'bad' / 'code').unlink()
    fake_worker(runs).work()
    assert all(is_done(run.folder) for run in runs)
    assert failure_of(runs[0]) == {}


def test_a_training_that_is_done_is_not_done_again_when_its_test_failed(tmp_path):
    (run,) = fake_runs(tmp_path, {'a': ''})
    run.folder.mkdir()
    (run.folder / 'no_test').touch()
    fake_worker([run]).work()
    assert failure_of(run)['step'] == 'test'
    (run.folder / 'no_test').unlink()
    fake_worker([run]).work()
    assert trainings(run.folder) == 1
    record = json.loads((run.folder / 'run.json').read_text())
    assert record['train_wall_s'] >= 0.1, 'the cost of the first time'
    assert record['test_wall_s'] > 0


def test_a_killed_training_is_a_failure(tmp_path):
    (run,) = fake_runs(tmp_path, {'a': ''})
    run.folder.mkdir()
    (run.folder / 'code').write_text('0')
    (tmp_path / 'wait').touch()
    worker = fake_worker([run])

    def kill(worker):
        if worker.active:
            os.kill(pid_of(run.folder), signal.SIGKILL)

    worker.on_change = kill
    worker.redraw_s = 0.0
    worker.work()
    assert failure_of(run)['code'] == -signal.SIGKILL


def test_a_second_stage_waits_for_the_first(tmp_path):
    runs = fake_runs(tmp_path, {'second': 'first', 'first': ''})
    fake_worker(runs, jobs=2).work()
    first, second = (float((tmp_path / name / 'trained').read_text()) for name in ('first', 'second'))
    assert second > first + 0.1


def test_a_claim_is_of_one_holder_at_a_time(tmp_path):
    held = claim(tmp_path)
    assert held is not None
    assert claim(tmp_path) is None
    assert claimed_by(tmp_path).endswith(f':{os.getpid()}')
    held.release()
    again = claim(tmp_path)
    assert again is not None
    again.release()


def test_a_file_system_without_locks_is_an_error(tmp_path, monkeypatch):
    def no_locks(fd, operation):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'flock', no_locks)
    with pytest.raises(OSError, match='no locks'):
        claim(tmp_path)
