"""Two processes that talk over gloo, started once for all tests that need them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

SECONDS = 120


class TwoProcesses:
    """Run a function of a test module on both ranks: `two_processes(function, *arguments)`.

    Args:
        folder: empty; the ranks find each other there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.starts = folder, 0
        self.ranks: list[ProcessPoolExecutor] = []

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return what `function(rank, *arguments)` returns on rank 0 and on rank 1."""
        if not self.ranks:
            self.start()
        calls = [process.submit(function, rank, *arguments) for rank, process in enumerate(self.ranks)]
        done, waiting = wait(calls, SECONDS, FIRST_EXCEPTION)
        if waiting or any(call.exception() for call in done):
            self.stop()  # the other rank may wait for this one forever
            errors = [call.exception() for call in done if call.exception()]
            raise errors[0] if errors else TimeoutError(f'no result of {function.__name__} after {SECONDS} s')
        return [call.result() for call in calls]

    def start(self) -> None:
        self.starts += 1
        meeting_point = f'file://{self.folder}/{self.starts}'
        context = multiprocessing.get_context('spawn')
        self.ranks = [ProcessPoolExecutor(1, context, join_group, (rank, meeting_point)) for rank in range(2)]

    def stop(self) -> None:
        for rank in self.ranks:
            for process in list(rank._processes.values()):
                process.kill()
            rank.shutdown()
        self.ranks = []


def join_group(rank: int, meeting_point: str) -> None:
    import torch

    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', init_method=meeting_point, rank=rank, world_size=2)
