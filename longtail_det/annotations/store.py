"""Open an annotation file as memory-mapped columns, which the first process builds and all others share."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .columns import AnnotationColumns, read_columns
from .store_files import (
    Source,
    StoreError,
    check_columns,
    confirm_source,
    map_columns,
    read_header,
    write_store,
)

_PIECE = 2**20
_logger = logging.getLogger(__name__)


def open_store(path: str | Path, name: str | None = None, *, show_progress: bool = False) -> AnnotationColumns:
    """Open the store of an annotation file; build it where there is none, or it is old or damaged.

    The store is the folder `FILE.store` beside the file, or one in the user's cache folder where that cannot be
    written. One process builds, under a lock, and the others wait. Every opening compares the columns with their
    checksums.

    Args:
        path: json file on this machine.
        name: the file, as messages name it; `path` where None.
        show_progress: whether to draw a progress bar while a store is built.

    Returns:
        The columns, mapped; in memory where no folder can be written.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or no annotation file.
    """
    path, name = Path(path), str(path) if name is None else name
    if not path.is_file():
        raise FileNotFoundError(f'annotation file not found: {name}')
    folders = store_folders(path)
    for folder in folders:
        columns = _open(folder, path, name)
        if columns is not None:
            return columns
    for folder in folders:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _lock(folder, name):
                # another process may have built it while this one waited
                return _open(folder, path, name, is_first=False) or _build(folder, path, name, show_progress)
        except OSError as error:
            _logger.warning(f'no store of {name} at {folder} ({error.strerror or error})')
    _logger.warning(f'no folder for the store of {name}: this process keeps its annotations in memory')
    return read_columns(path, name, show_progress=show_progress)


def store_folders(path: Path) -> list[Path]:
    """Return where the store of an annotation file can be: beside it, and in the user's cache folder.

    Args:
        path: of the annotation file.
    """
    path = path.resolve()
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    mark = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return [path.with_name(f'{path.name}.store'), cache / 'longtail_det' / f'{path.stem}-{mark}.store']


def check_store(path: Path) -> tuple[Path, str]:
    """Check every byte of a store, and of its annotation file.

    Args:
        path: of the annotation file.

    Returns:
        The folder of the store, and what is wrong with it; empty where all is well.

    Raises:
        FileNotFoundError: no annotation file at `path`, or no store of it.
    """
    if not path.is_file():
        raise FileNotFoundError(f'annotation file not found: {path}')
    for folder in store_folders(path):
        try:
            header = read_header(folder)
            check_columns(folder, header)
            map_columns(folder, header, str(path))
            is_old = _sha256(path) != header['source']['sha256']
        except FileNotFoundError:
            continue
        except StoreError as error:
            return folder, str(error)
        return folder, f'{path} was changed since' if is_old else ''
    raise FileNotFoundError(f'no store of {path}; make it with longtail-det build-store {path}')


def _open(folder: Path, path: Path, name: str, *, is_first: bool = True) -> AnnotationColumns | None:
    """Open a store that is there and fits the file; say once why another one is not taken."""
    try:
        header = read_header(folder)
        _require_fresh(folder, header, path)
        check_columns(folder, header)
        return map_columns(folder, header, name)
    except FileNotFoundError:
        return None
    except StoreError as error:
        if is_first:
            _logger.warning(f'the store {folder} is built anew: {error}')
        return None


def _require_fresh(folder: Path, header: dict[str, Any], path: Path) -> None:
    source, found = header['source'], path.stat()
    if found.st_size == source['size']:
        if found.st_mtime_ns == source['mtime_ns']:
            return
        if _sha256(path) == source['sha256']:
            with suppress(OSError):
                confirm_source(folder, header, found.st_mtime_ns)
            return
    raise StoreError(f'{path.name} was changed since')


@contextmanager
def _lock(folder: Path, name: str) -> Iterator[None]:
    lock = FileLock(f'{folder}.lock')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _logger.info(f'waiting for the process that builds the store of {name}')
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _build(folder: Path, path: Path, name: str, show_progress: bool) -> AnnotationColumns:
    """Read the file and write its store; the lock is held."""
    before = path.stat()
    with ThreadPoolExecutor(1) as pool:
        digest = pool.submit(_sha256, path)
        columns = read_columns(path, name, show_progress=show_progress)
        source = Source(str(path.resolve()), before.st_size, before.st_mtime_ns, digest.result())
    if (path.stat().st_size, path.stat().st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise ValueError(f'{name} was changed while it was read; start again')
    unfinished = folder.with_name(f'{folder.name}.{os.getpid()}.tmp')
    try:
        for left in folder.parent.glob(f'{folder.name}.*.tmp'):
            shutil.rmtree(left)  # of a process that was killed
        write_store(unfinished, columns, source)
        if folder.exists():
            # renamed first: who has it open or is about to open it finds all of it or nothing
            old = folder.with_name(f'{folder.name}.{os.getpid()}.old.tmp')
            folder.rename(old)
            shutil.rmtree(old)
        unfinished.rename(folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        _logger.warning(f'the store {folder} cannot be written ({error.strerror or error}): annotations stay in memory')
        return columns
    _logger.info(f'{name}: its columns are kept in {folder}')
    return map_columns(folder, read_header(folder), name)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
