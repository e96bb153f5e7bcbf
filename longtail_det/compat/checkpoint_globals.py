"""What a checkpoint of mmengine may hold beside tensors."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, BinaryIO

import numpy as np

from longtail_det.restricted_pickle import RestrictedUnpickler, plain_globals

_DTYPES = 'bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str'


def safe_globals() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Return the types that mmengine writes, as `torch.serialization.add_safe_globals` takes them."""
    from mmengine.config import ConfigDict
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    rebuild: tuple[Any, Any] = (np.zeros(0).__reduce__()[0], np.float64(0).__reduce__()[0])
    # numpy 2 renamed numpy.core to numpy._core; a checkpoint may come from either side
    renamed = [
        (function, f'numpy.{core}.multiarray.{function.__name__}') for function in rebuild for core in ('core', '_core')
    ]
    dtypes = [type(np.dtype(name)) for name in _DTYPES.split()]
    # The real getattr would open the way to every attribute of every allowed object.
    methods = [(_allowed_method, 'builtins.getattr')]
    # MultiStepLR keeps its milestones in a Counter, which torch 2.1 does not allow by itself
    plain = [Counter, ConfigDict, HistoryBuffer, OneCycleParamScheduler, np.ndarray, np.dtype]
    return [*plain, *dtypes, *renamed, *methods]


def _allowed_method(owner: Any, name: str) -> Any:
    """Return what pickle asks `getattr` for, of the few methods that mmengine's checkpoints name."""
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    allowed: dict[Any, tuple[str, ...]] = {
        HistoryBuffer: ('min', 'max', 'current', 'mean'),
        OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
    }
    if not any(owner is cls and name in names for cls, names in allowed.items()):
        raise pickle.UnpicklingError(f'attribute {name!r} of {owner!r}')
    return getattr(owner, name)


class CheckpointUnpickler(RestrictedUnpickler):
    """The unpickler of torch before 2.6, whose own takes no list: it finds what torch allows and `safe_globals`."""

    def __init__(self, stream: BinaryIO, **options: Any) -> None:
        super().__init__(stream, _checkpoint_globals(), **options)


def load_restricted(stream: BinaryIO, **options: Any) -> Any:
    """Read one pickle of a file, as `pickle.load` does."""
    return CheckpointUnpickler(stream, **options).load()


@cache
def _checkpoint_globals() -> dict[tuple[str, str], Any]:
    from torch._weights_only_unpickler import _get_allowed_globals

    found = dict(_get_allowed_globals())
    for item in safe_globals():
        value, name = item if isinstance(item, tuple) else (item, f'{item.__module__}.{item.__qualname__}')
        found[name] = value
    return plain_globals() | {(name.rpartition('.')[0], name.rpartition('.')[2]): each for name, each in found.items()}
