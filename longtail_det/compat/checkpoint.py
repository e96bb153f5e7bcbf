"""Loads checkpoints of mmengine: tensors and what mmengine writes beside them, and nothing that could run code."""

from __future__ import annotations

import os
import pickle
import re
import struct
import sys
import zipfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import torch
from packaging.version import Version

from longtail_det.plain_config import parse_plain_config
from longtail_det.restricted_pickle import RefusedError

from .checkpoint_globals import CheckpointUnpickler, load_restricted, safe_globals

# torch.load refuses anything but tensors by default since this release
_WEIGHTS_ONLY_SINCE = (2, 6)
# what torch.load raises on a file that is cut short or garbled, by where the damage is
_GARBLED = (AssertionError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError, struct.error)
# the second as torch 2.1 has it
_REFUSED = re.compile(
    r'GLOBAL (\S+) (?:was not|whose)|Unsupported class (\S+)|but got (.+)|unrecognized function (.+)|'
    r'(attribute \S+ of .+)'
)


@cache
def allow_mmengine_checkpoints() -> None:
    """Let torch load the checkpoints of mmengine, and nothing that could run code.

    Adds what mmengine writes beside tensors (log history, numpy scalars and arrays, config dicts in the metainfo,
    one-cycle schedules) to torch's list of safe types. Calling it again changes nothing.
    """
    if _is_strict_by_default():
        torch.serialization.add_safe_globals(safe_globals())


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Read a checkpoint file the way `torch.load` does by default, with errors of one line.

    That is with `weights_only=True`, and by a list of our own before torch 2.6; torch's own variable
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 lifts it. A config inside the checkpoint, which mmengine would run as Python, is
    taken away: see `disarm`.

    Args:
        filename: a file on this machine, `~` allowed.
        map_location: as in `torch.load`.

    Returns:
        What was saved.

    Raises:
        FileNotFoundError: no file of that name.
        ValueError: the file is cut short, damaged or no checkpoint, or holds a type that is not on the list.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint not found: {path}; check load_from, --resume or the path you gave')
    return load_checked(path, f'{path} ({path.stat().st_size} bytes)', map_location)


def load_checked(source: Path | BinaryIO, name: str, map_location: Any = None) -> Any:
    """Read a checkpoint as `load_from_local` does.

    Args:
        source: a file, or a stream at its start, with `seek`.
        name: what messages call it.
        map_location: as in `torch.load`.

    Raises:
        ValueError: as there.
    """
    allow_mmengine_checkpoints()
    try:
        content = _load(source, map_location)
    except pickle.UnpicklingError as error:
        raise ValueError(_unpickling_line(name, source, error)) from None
    except _GARBLED as error:
        # a sound file may still fail, say on a GPU that is not there: torch's own words are best then
        if 'Attempting to deserialize' in str(error) or _is_sound_zip(source):
            raise
        raise ValueError(_garbled_line(name, error)) from None
    # torch does not look at the checksums of the archive
    if zipfile.is_zipfile(source) and not _is_sound_zip(source):
        raise ValueError(_garbled_line(name, ValueError('a checksum in it is wrong')))
    return disarm(content)


def disarm(checkpoint: Any) -> Any:
    """Take the configs out of a checkpoint that mmengine would run as Python.

    Runner.resume runs `meta['config']`, in which it looks for one number; it becomes `meta['config_text']`.
    DetInferencer without a config runs `cfg` of `meta` or of the message hub; it becomes `cfg_text`, unless it is only
    data, as mmengine dumps it, and names no module that is not imported already.

    Args:
        checkpoint: what was saved; changed in place.

    Returns:
        `checkpoint`.
    """
    for part in (_part(checkpoint, 'meta'), _part(_part(checkpoint, 'message_hub'), 'runtime_info')):
        for key in ('config', 'cfg'):
            if key in part and (key == 'config' or not _is_harmless(part[key])):
                part[f'{key}_text'] = part.pop(key)
    return checkpoint


def _part(of: Any, key: str) -> dict[str, Any]:
    part = of.get(key) if isinstance(of, dict) else None
    return part if isinstance(part, dict) else {}


def _is_strict_by_default() -> bool:
    return Version(torch.__version__).release >= _WEIGHTS_ONLY_SINCE


def _load(source: Path | BinaryIO, map_location: Any) -> Any:
    if _is_strict_by_default() or os.environ.get('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD') == '1':
        return torch.load(source, map_location=map_location)
    # torch before 2.6 takes no list: an unpickler of ours has the same one
    module = SimpleNamespace(__name__='restricted', Unpickler=CheckpointUnpickler, load=load_restricted)
    return torch.load(source, map_location=map_location, pickle_module=module, weights_only=False)


def _is_harmless(text: Any) -> bool:
    try:
        # a text file turns each kind of line end into one
        imports = (parse_plain_config(text.replace('\r', '\n')).get('custom_imports') or {}).get('imports') or []
        return set([imports] if isinstance(imports, str) else imports) <= sys.modules.keys()
    except (AttributeError, TypeError, ValueError):
        return False


def _is_sound_zip(source: Path | BinaryIO) -> bool:
    try:
        with zipfile.ZipFile(source) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def _unpickling_line(name: str, source: Path | BinaryIO, error: Exception) -> str:
    refused = _REFUSED.search(str(error))
    if isinstance(error, RefusedError):
        held = str(error)
    elif refused is None and not _is_sound_zip(source):
        return _garbled_line(name, error)
    else:
        held = next(filter(None, refused.groups())) if refused else 'a pickle that torch cannot check'
    return (
        f'checkpoint {name} holds {held}, which is no tensor and none of the types mmengine writes, and unpickling it '
        'can run code; if you trust who made the file, put TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 before that one command'
    )


def _garbled_line(name: str, error: Exception) -> str:
    reason = str(error).split('WeightsUnpickler error:')[-1].strip().split('\n')[0] or type(error).__name__
    return (
        f'{name} cannot be read as a checkpoint ({reason}); was it cut short or damaged while being written, copied or '
        'downloaded? Fetch it again or take an earlier one'
    )
