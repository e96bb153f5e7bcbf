"""The columns of an annotation file as a folder of plain `.npy` files and one JSON header."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from longtail_det.files import replacing

from .bad_records import BadRecords
from .columns import AnnotationColumns
from .masks import MaskColumns
from .table import AnnotationTable, ClassLists, ImageTable

#: a store of another number is built anew
FORMAT = 2
_HEADER = 'header.json'
_PIECE = 2**20
_TABLES: dict[str, type[Any]] = {
    'images': ImageTable,
    'annotations': AnnotationTable,
    'masks': MaskColumns,
    'class_lists': ClassLists,
}
_FLAGS = ('good_images', 'good_annotations')


class StoreError(Exception):
    """A store cannot be used; the text says why."""


@dataclass(frozen=True)
class Source:
    """The annotation file that a store was made of.

    Args:
        path: the file.
        size: bytes.
        mtime_ns: time of its last change, ns since 1970.
        sha256: of its content, hexadecimal.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str


def write_store(folder: Path, columns: AnnotationColumns, source: Source) -> None:
    """Write columns into a new folder, the header last.

    Args:
        folder: is made.
        columns: of the annotation file.
        source: the file.

    Raises:
        OSError: the folder is there, or cannot be written.
    """
    folder.mkdir(parents=True)
    checks = {}
    for name, column in _name_columns(columns):
        np.save(folder / f'{name}.npy', np.ascontiguousarray(column), allow_pickle=False)
        checks[name] = _check_file(folder / f'{name}.npy')
    header = {
        'format': FORMAT,
        'source': asdict(source),
        'columns': checks,
        'has_annotations': columns.has_annotations,
        'bad_counts': columns.bad.counts,
        'bad_examples': columns.bad.examples,
        'categories': columns.categories,
    }
    _write_header(folder, header)


def read_header(folder: Path) -> dict[str, Any]:
    """Read the header of a store.

    Args:
        folder: of the store.

    Raises:
        FileNotFoundError: no store.
        StoreError: damaged, or of another format.
    """
    try:
        header: dict[str, Any] = json.loads((folder / _HEADER).read_bytes())
        found = header['format']
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError):
        raise StoreError(f'{_HEADER} cannot be read') from None
    if found != FORMAT:
        raise StoreError(f'its format is {found}, this release reads {FORMAT}')
    return header


def confirm_source(folder: Path, header: Mapping[str, Any], mtime_ns: int) -> None:
    """Note that the source, though its time is new, has its old content.

    Args:
        folder: of the store.
        header: of the store.
        mtime_ns: the new time.
    """
    _write_header(folder, {**header, 'source': {**header['source'], 'mtime_ns': mtime_ns}})


def check_columns(folder: Path, header: Mapping[str, Any]) -> None:
    """Compare size and CRC-32 of every column with the header. zlib reads 4 GB/s: a quarter second for LVIS v1 train.

    Args:
        folder: of the store.
        header: of the store.

    Raises:
        StoreError: a column is damaged or missing.
    """
    for name, check in header['columns'].items():
        path = folder / f'{name}.npy'
        try:
            # the size first: a column that was cut short need not be read
            is_good = path.stat().st_size == check['size'] and _check_file(path) == check
        except OSError:
            is_good = False
        if not is_good:
            raise StoreError(f'{path.name} is damaged')


def map_columns(folder: Path, header: Mapping[str, Any], name: str) -> AnnotationColumns:
    """Map the columns of a store into memory, from which nothing is read before it is used.

    Args:
        folder: of the store.
        header: of the store.
        name: the annotation file, as messages name it.

    Raises:
        StoreError: a column is missing, or none that numpy can map.
    """
    try:
        # a plain view: np.memmap makes small selections slow
        arrays = {
            name: np.load(folder / f'{name}.npy', mmap_mode='r', allow_pickle=False).view(np.ndarray)
            for name in header['columns']
        }
        tables = {
            table: kind(**{field.name: _column(arrays, table, field.name) for field in fields(kind)})
            for table, kind in _TABLES.items()
        }
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(str(error)) from None
    bad = BadRecords(name)
    bad.counts, bad.examples = Counter(header['bad_counts']), header['bad_examples']
    return AnnotationColumns(
        **tables,
        **{flag: arrays[flag] for flag in _FLAGS},
        categories=header['categories'],
        bad=bad,
        has_annotations=header['has_annotations'],
        folder=folder,
        reopen=partial(_map_again, folder, header['columns'], name),
    )


def _map_again(folder: Path, checks: Mapping[str, Any], name: str) -> AnnotationColumns:
    header = read_header(folder)
    if header['columns'] != checks:
        raise StoreError(f'{folder} was built anew from another {name} since this process was started; start again')
    return map_columns(folder, header, name)


def _name_columns(columns: AnnotationColumns) -> Iterator[tuple[str, Any]]:
    for table, kind in _TABLES.items():
        for field in fields(kind):
            if field.name != 'rows':
                yield f'{table}.{field.name}', getattr(getattr(columns, table), field.name)
    for flag in _FLAGS:
        yield flag, getattr(columns, flag)


def _column(arrays: Mapping[str, Any], table: str, field: str) -> Any:
    return np.arange(len(arrays[f'{table}.ids'])) if field == 'rows' else arrays[f'{table}.{field}']


def _write_header(folder: Path, header: Mapping[str, Any]) -> None:
    with replacing(folder / _HEADER) as path:
        path.write_text(json.dumps(header))


def _check_file(path: Path) -> dict[str, int]:
    size = check = 0
    with open(path, 'rb') as file:
        while piece := file.read(_PIECE):
            size, check = size + len(piece), zlib.crc32(piece, check)
    return {'size': size, 'crc32': check}
