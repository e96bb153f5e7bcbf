"""Side-by-side time and peak memory of callables; shared by the benchmarks of this folder."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch

Step = Callable[[], object]


def settle_allocator() -> None:
    """Bring glibc's malloc into the state it has in a training process.

    Its thresholds grow with the largest block freed so far, up to 32 MB. Before that it gives blocks of this size back
    to the system in every step, and a benchmark of small tensors times page faults.
    """
    for _ in range(2):
        torch.zeros(31 * 2**20, dtype=torch.uint8)


#: steps of one candidate in a row; the first is not timed, it finds the caches full of the other's data
_BURST = 4


def time_side_by_side(steps: dict[str, Step], *, rounds: int, device: str, settled: bool = True) -> dict[str, float]:
    """Return median seconds of each step; steps take turns in every round, so that a noisy machine disturbs all alike.

    On one thread of a CPU they are seconds of the CPU, without those that the process waits for its turn.

    Args:
        steps: candidates by name.
        rounds: rounds of turns.
        device: 'cpu' or 'cuda'.
        settled: bring malloc into the state of a training process first (`settle_allocator`).
    """
    if settled:
        settle_allocator()
    clock = time.process_time if device == 'cpu' and torch.get_num_threads() == 1 else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            step()
            for _ in range(_BURST - 1):
                synchronize(device)
                start = clock()
                step()
                synchronize(device)
                seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_memory(step: Step, device: str) -> int:
    """Bytes a step allocates at its peak, above what was there before it."""
    step()
    if device == 'cuda':
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == '[memory]']
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def synchronize(device: str) -> None:
    """Wait for the device, so that a wall clock measures it."""
    if device == 'cuda':
        torch.cuda.synchronize()


def end_with(mistake: str) -> NoReturn:
    """End the program with one line that says what the user can fix, and exit code 2."""
    print(f'{Path(sys.argv[0]).name}: error: {mistake}', file=sys.stderr)
    raise SystemExit(2)


def require_device(device: str) -> None:
    """End the program with one line where the device is not there; `device` is 'cpu' or 'cuda'."""
    if device == 'cuda' and not torch.cuda.is_available():
        end_with('--device cuda, but PyTorch sees no GPU here; check nvidia-smi, or use --device cpu')


def use_one_core() -> None:
    """Keep this process, its children and the libraries that take all cores they may, on one."""
    torch.set_num_threads(1)
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def machine(device: str) -> str:
    """Name of the machine and versions, for the head of a result table."""
    name = torch.cuda.get_device_name() if device == 'cuda' else f'{platform.machine()} CPU'
    return f'{name}, {torch.get_num_threads()} thread(s), torch {torch.__version__}, Python {platform.python_version()}'


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A GitHub table."""
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)
