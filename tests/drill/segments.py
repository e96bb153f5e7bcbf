"""Training runs in processes that are killed at a chosen event; started from one process that has imported mmdet."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SECONDS = 900  # for a run of the drill on a busy machine
_CONTEXT = multiprocessing.get_context('forkserver')
_CONTEXT.set_forkserver_preload(['tests.drill.warm'])


def run(arguments: Sequence[str], log: Path, *, ranks: int = 1, kill_at: int = 0, victim: int = 0) -> list[int]:
    """Run `longtail-det train` on every rank and return their exit codes.

    Args:
        arguments: of the command.
        log: what the processes print.
        ranks: processes, over gloo.
        kill_at: the event at which SIGKILL ends the victim; 0 for none.
        victim: rank.
    """
    processes = start(arguments, log, ranks=ranks, kill_at=kill_at, victim=victim)
    for process in processes:
        process.join(SECONDS)
        if process.exitcode is None:
            for each in processes:
                each.kill()
            raise TimeoutError(f'a rank still runs after {SECONDS} s; {log} has its output')
    return [process.exitcode for process in processes]


def start(
    arguments: Sequence[str], log: Path, *, ranks: int = 1, kill_at: int = 0, victim: int = 0
) -> list[multiprocessing.process.BaseProcess]:
    """Start what `run` runs, and return the processes."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    processes: list[multiprocessing.process.BaseProcess] = []
    for rank in range(ranks):
        environment = {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '-1'}
        if ranks > 1:
            environment |= {'RANK': str(rank), 'LOCAL_RANK': str(rank), 'WORLD_SIZE': str(ranks), 'MASTER_PORT': port}
            environment |= {'MASTER_ADDR': '127.0.0.1'}
        kill = kill_at if rank == victim else 0
        process = _CONTEXT.Process(target=_train, args=(list(arguments), log, environment, kill))
        process.start()
        processes.append(process)
    return processes


def _train(arguments: list[str], log: Path, environment: dict[str, str], kill_at: int) -> None:
    import torch

    from longtail_det.cli import train

    os.environ.update(environment)
    torch.set_num_threads(1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the process we come from ignores it
    if kill_at:
        _kill_at(kill_at)
    if 'RANK' in environment:
        arguments += ['--launcher', 'pytorch']
    code = train.main([*arguments, '--device', 'cpu'])
    sys.stdout.flush()
    os._exit(code)


def _kill_at(number: int) -> None:
    """Let this process die at its n-th event: a hook of a step, or a half, a flush, a rename, a removal of a file."""
    from mmengine.runner import Runner

    import longtail_det.files

    left = number

    def event() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            event()
            result = function(*args, **kwargs)
            event()
            return result

        return call

    def write_bytes(path: Path, content: bytes) -> None:
        half = random.Random(number).randrange(len(content))
        with path.open('wb') as stream:
            stream.write(content[:half])
            stream.flush()
            event()
            stream.write(content[half:])

    call_hook = Runner.call_hook

    def call_hook_of_step(runner: Runner, name: str, **kwargs: Any) -> None:
        if name.endswith('train_iter'):
            event()
        call_hook(runner, name, **kwargs)

    Runner.call_hook = call_hook_of_step
    Path.write_bytes = write_bytes
    Path.replace, Path.unlink = around(Path.replace), around(Path.unlink)
    longtail_det.files._flush = around(longtail_det.files._flush)
