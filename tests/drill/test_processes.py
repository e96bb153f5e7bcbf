"""Processes of a run end when they should, in bounded time, and say why in one line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .segments import start

ROOT = Path(__file__).parents[2]
TOY = ROOT / 'tests/cli/toy'

pytestmark = pytest.mark.slow


@pytest.fixture
def arguments(tmp_path, monkeypatch) -> Iterator[Callable[..., list[str]]]:
    """The command line of a slow toy run in `run`, with a loader worker."""
    monkeypatch.syspath_prepend(str(TOY))
    slow = ['train_dataloader.num_workers=1', 'train_dataloader.dataset.pause=0.1', 'train_cfg.max_iters=400']
    work_dir = tmp_path / 'run'

    def make(*more: str) -> list[str]:
        return [str(TOY / 'toy_config.py'), '--work-dir', str(work_dir), '--cfg-options', *slow, *more]

    yield make
    for pid in processes_of(work_dir):
        os.kill(pid, signal.SIGKILL)


def until(condition: Callable[[], object], seconds: float = 90) -> object:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, 'it did not happen'
        time.sleep(0.05)
    return found


def children(pid: int) -> list[int]:
    path = Path(f'/proc/{pid}/task/{pid}/children')
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def processes_of(work_dir: Path) -> list[int]:
    found = []
    for entry in Path('/proc').glob('[0-9]*'):
        try:
            if str(work_dir).encode() in (entry / 'cmdline').read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def checkpoints(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / 'run').glob('iter_*.pth'), key=lambda path: path.stat().st_mtime_ns)


def last_line(log: Path) -> str:
    return [line for line in log.read_text().splitlines() if line.strip()][-1]


@pytest.mark.parametrize(
    ('number', 'code', 'saves'),
    [(signal.SIGTERM, 143, True), (signal.SIGHUP, 129, True), (signal.SIGINT, 130, False), (signal.SIGKILL, -9, False)],
)
def test_a_signal_ends_a_run_and_its_loader_worker(number, code, saves, arguments, tmp_path):
    log = tmp_path / 'log.txt'
    (process,) = start(arguments(), log)
    until(lambda: checkpoints(tmp_path))
    workers = children(process.pid)
    assert workers
    if number == signal.SIGTERM:
        for worker in workers:  # Slurm signals all processes of a job
            os.kill(worker, number)
    os.kill(process.pid, number)
    process.join(20)
    assert process.exitcode == code, log.read_text()[-1000:]
    until(lambda: not any(map(is_alive, workers)), 10)
    assert 'Traceback' not in log.read_text()
    if saves:
        name = re.search(
            rf'{number.name}: stopped at step \d+, which \S*/(\S+) holds; --resume goes on', log.read_text()
        )
        assert checkpoints(tmp_path)[-1].name == name[1]
        assert name[1] == f'iter_{name[0].split("step ")[1].split(",")[0]}.pth'


def test_two_processes_stop_at_the_same_step(arguments, tmp_path):
    log = tmp_path / 'log.txt'
    ranks = start(arguments(), log, ranks=2)
    until(lambda: checkpoints(tmp_path))
    os.kill(ranks[1].pid, signal.SIGTERM)
    for rank in ranks:
        rank.join(60)
    assert [rank.exitcode for rank in ranks] == [143, 143], log.read_text()[-1000:]
    assert Path(f'{checkpoints(tmp_path)[-1]}.rank1').exists()


@pytest.mark.parametrize(('number', 'seconds'), [(signal.SIGKILL, 20), (signal.SIGSTOP, 40)], ids=['dead', 'stalled'])
def test_a_lost_rank_ends_the_others_in_bounded_time(number, seconds, arguments, tmp_path):
    log = tmp_path / 'log.txt'
    ranks = start([*arguments(), '--timeout', '8'], log, ranks=2)
    until(lambda: checkpoints(tmp_path))
    os.kill(ranks[1].pid, number)
    ranks[0].join(seconds)
    try:
        assert ranks[0].exitcode == 1, log.read_text()[-1000:]
    finally:
        for rank in ranks:
            rank.kill()
    assert 'process 0 waits for another that is gone or stands still' in last_line(log)
    assert 'Traceback' not in log.read_text()


def test_nobody_trains_on_when_torchrun_is_killed(arguments, tmp_path):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, (TOY, ROOT))), 'CUDA_VISIBLE_DEVICES': '-1'}
    command = [sys.executable, '-m', 'longtail_det.cli.torchrun', '2', str(ROOT / 'tools/train.py'), *arguments()]
    with (tmp_path / 'log.txt').open('w') as log:
        torchrun = subprocess.Popen(
            [*command, '--launcher', 'pytorch', '--device', 'cpu'],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=tmp_path,
        )
    until(lambda: checkpoints(tmp_path), 180)
    ranks = children(torchrun.pid)
    everybody = [*ranks, *(worker for rank in ranks for worker in children(rank))]
    assert len(everybody) == 4
    torchrun.kill()
    torchrun.wait()
    until(lambda: not any(map(is_alive, everybody)), 30)


def test_a_second_run_in_the_work_dir_is_refused(arguments, tmp_path):
    (first,) = start(arguments(), tmp_path / 'log.txt')
    until(lambda: checkpoints(tmp_path))
    (second,) = start([*arguments(), '--resume'], tmp_path / 'second.txt')
    second.join(60)
    first.kill()
    assert second.exitcode == 2
    assert re.search(
        rf'is in use by another training run \(process {first.pid} on ', last_line(tmp_path / 'second.txt')
    )
