"""The random state of a process: read, put back, and set aside for a while."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def read_random_state() -> dict[str, Any]:
    """Return the state of Python's, numpy's, torch's and, where CUDA is in use, the current GPU's random numbers.

    Returns:
        Tensors, numbers and texts only, so that `torch.load` reads it with `weights_only=True`.
    """
    algorithm, words, position, has_normal, normal = np.random.get_state(legacy=True)
    return {
        'python': random.getstate(),
        'numpy': (algorithm, torch.from_numpy(np.array(words, dtype=np.int64)), position, has_normal, float(normal)),
        'torch': torch.get_rng_state(),
        'cuda': torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put back a `state` that `read_random_state` returned; that of a GPU only where there is one."""
    version, words, normal = state['python']
    random.setstate((version, tuple(words), normal))
    algorithm, words, *rest = state['numpy']
    np.random.set_state((algorithm, words.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state['torch'].cpu())
    if state['cuda'] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


@contextmanager
def seeded(key: Sequence[int]) -> Iterator[None]:
    """Draw the CPU's random numbers inside from `key` alone, and go on behind as if nothing had been drawn.

    Args:
        key: non-negative integers, for example (seed, rank, number of a batch).
    """
    python, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    words = np.random.SeedSequence(list(key)).generate_state(8)
    random.seed(words[:4].tobytes())
    np.random.seed(words[4:6])
    # not torch.manual_seed, which seeds the GPUs as well
    torch.default_generator.manual_seed(int(words[6]) << 31 | int(words[7]) >> 1)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)
