"""Loads checkpoints of mmengine with torch's `weights_only` kept on."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from packaging.version import Version

# torch.load refuses anything but tensors by default since this release
_WEIGHTS_ONLY_SINCE = (2, 6)
# what torch.load raises on a file that is cut short or garbled, by where the damage is
_GARBLED = (AssertionError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError, struct.error)
_REFUSED = re.compile(r'GLOBAL (\S+) (?:was not|whose)|but got (.+)|unrecognized function (.+)|(attribute \S+ of .+)')
_DTYPES = 'bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str'


def allow_mmengine_checkpoints() -> None:
    """Let mmengine resume from its own checkpoints, and from nothing that could run code.

    Adds what mmengine writes beside tensors (log history, numpy scalars and arrays, config dicts in the metainfo,
    one-cycle schedules) to torch's list of safe types, and replaces mmengine's loader of local files by
    `load_from_local`. Calling it again changes nothing.
    """
    from mmengine.runner.checkpoint import CheckpointLoader

    if Version(torch.__version__).release >= _WEIGHTS_ONLY_SINCE:
        torch.serialization.add_safe_globals(_safe_globals())
    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Read a checkpoint file the way `torch.load` does by default, with errors of one line.

    Since torch 2.6 that default is `weights_only=True`, which torch's own variable
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 lifts.

    Args:
        filename: a file on this machine, `~` allowed.
        map_location: as in `torch.load`.

    Returns:
        What was saved.

    Raises:
        FileNotFoundError: no file of that name.
        ValueError: the file is cut short or no checkpoint, or holds a type that is not on the list.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint not found: {path}; check load_from, --resume or the path you gave')
    try:
        return torch.load(path, map_location=map_location)
    except pickle.UnpicklingError as error:
        raise ValueError(_unpickling_line(path, error)) from None
    except _GARBLED as error:
        # a sound file may still fail, say on a GPU that is not there: torch's own words are best then
        if 'Attempting to deserialize' in str(error) or _is_sound_zip(path):
            raise
        raise ValueError(_garbled_line(path, error)) from None


def _safe_globals() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
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
    return [ConfigDict, HistoryBuffer, OneCycleParamScheduler, np.ndarray, np.dtype, *dtypes, *renamed, *methods]


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


def _is_sound_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def _unpickling_line(path: Path, error: Exception) -> str:
    refused = _REFUSED.search(str(error))
    if refused is None and not _is_sound_zip(path):
        return _garbled_line(path, error)
    held = next(filter(None, refused.groups())) if refused else 'a pickle that torch cannot check'
    return (
        f'checkpoint {path} holds {held}, which is no tensor and none of the types mmengine writes, and unpickling it '
        'can run code; if you trust who made the file, put TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 before that one command'
    )


def _garbled_line(path: Path, error: Exception) -> str:
    reason = str(error).split('WeightsUnpickler error:')[-1].strip().split('\n')[0] or type(error).__name__
    return (
        f'{path} ({path.stat().st_size} bytes) cannot be read as a checkpoint ({reason}); was it cut short while being '
        'written, copied or downloaded? Fetch it again or take an earlier one'
    )
