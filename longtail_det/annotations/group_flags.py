"""Open Images' mark of a box around a group of objects, which files in COCO's format keep under a key of their own."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from .gc_pause import gc_pause
from .json_members import JsonMembers

GROUP_KEYS = ('is_group_of', 'IsGroupOf')


class _Record(msgspec.Struct, gc=False):
    id: Any = None
    is_group_of: Any = None
    IsGroupOf: Any = None


def read_group_flags(path: str | Path, name: str) -> NDArray[np.int64]:
    """Read which annotations are marked as a group of objects; mmdet's datasets and ours know `iscrowd` alone.

    Args:
        path: JSON file on this machine, or a folder of YOLO labels, which has no such mark.
        name: the file, as messages name it.

    Returns:
        (n,) ids of the annotations with `is_group_of` or `IsGroupOf`.
    """
    path = Path(path)
    if path.is_dir() or not _holds_key(path):
        return np.empty(0, dtype=np.int64)
    decode = msgspec.json.Decoder(_Record).decode
    ids = []
    with gc_pause():
        for source in JsonMembers(path, name, ['annotations']).arrays.get('annotations', ()):
            try:
                record = decode(source)
            except msgspec.DecodeError:
                continue  # the reader of annotations says what is wrong with it
            if isinstance(record.id, int) and any(getattr(record, key) in (1, '1', 'true') for key in GROUP_KEYS):
                ids.append(record.id)
    return np.array(ids, dtype=np.int64)


def _holds_key(path: Path) -> bool:
    """Return whether a key is anywhere in a file, which most files need not be decoded for."""
    with open(path, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return any(text.find(f'"{key}"'.encode()) >= 0 for key in GROUP_KEYS)
