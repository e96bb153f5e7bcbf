"""What the tests use of torch, and torch before 2.4 lacks or names in another way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import pytest
import torch
from packaging.version import Version
from torch._subclasses.fake_tensor import FakeTensorMode

_VERSION = Version(torch.__version__).release
#: half precisions that softmax, topk and autocast know on a CPU
CPU_HALF = [torch.bfloat16] if _VERSION < (2, 3) else [torch.float16, torch.bfloat16]
compiles_in_one_graph = pytest.mark.skipif(_VERSION < (2, 2), reason='the losses break the graph of torch.compile 2.1')


def peak_memory(step: Callable[[], object]) -> int:
    """Most bytes that tensors held at a time during the second call of `step`, above what was there before."""
    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == '[memory]']
    start = 'start_ns' if _VERSION >= (2, 4) else 'start_us'
    events.sort(key=lambda event: getattr(event, start)())
    return max(accumulate((event.nbytes() for event in events), initial=0))


def fake_gpu() -> FakeTensorMode:
    """A mode in which tensors are of a GPU without one; skips the test where torch asks for a driver all the same."""
    mode = FakeTensorMode()
    try:
        with mode:
            torch.zeros(1, device='cuda')
    except RuntimeError as error:
        pytest.skip(f'fake tensors of torch {torch.__version__} need a driver: {error}')
    return mode
