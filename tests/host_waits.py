"""A device that nobody can wait for: the proof, on a CPU, that code does not make the host wait for a GPU.

Tensors on PyTorch's `meta` device have no values. Whatever the host would have to wait for (`item`, a tensor in an
`if`, `nonzero`, `unique`, `bincount`, a boolean index, a copy to the host) raises there, and so does arithmetic with a
tensor that was left on the CPU. What raises nothing, a copy of the host's numbers to the device, is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = 'meta'
_FROM_HOST = (torch.tensor, torch.as_tensor, torch.Tensor.new_tensor)


class HostWaitError(AssertionError):
    """The code copies from the host to the device, or back."""


class _Uploads(TorchFunctionMode):
    """Refuse tensors made of the host's numbers; they are copied below the level of dispatch modes."""

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _FROM_HOST and result.device.type == DEVICE:
            raise HostWaitError(f'{func.__name__} copies numbers of the host to the device')
        return result


class _Copies(TorchDispatchMode):
    """Refuse copies between devices."""

    def __torch_dispatch__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        packet = getattr(func, 'overloadpacket', None)
        if packet in (torch.ops.aten._to_copy, torch.ops.aten.copy_):
            source = args[1] if packet is torch.ops.aten.copy_ else args[0]
            if source.device != result.device:
                raise HostWaitError(f'a copy from {source.device} to {result.device}')
        return result


@contextmanager
def never_waiting() -> Iterator[None]:
    """Raise at the first operation on `DEVICE` that makes the host wait; autocast, which it does not know, is off."""
    with mock.patch.object(torch, 'autocast', return_value=nullcontext()), _Copies(), _Uploads():
        yield
