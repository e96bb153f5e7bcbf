"""Reading a standard results json: typed records, some hundred kilobytes at a time, never a dict for each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from .lvis.detection_rows import DetectionRows, first_fault
from .lvis.detections import Detections, result_keys
from .lvis.rle_column import RLEColumn

#: bytes that are decoded together: their records stay in the processor's cache until they are packed
_PIECE = 2**18
_BYTE_ORDER_MARK = b'\xef\xbb\xbf'
#: all up to the last place that looks like the end of a record and the start of the next
_RECORDS = re.compile(rb'(.*\})\s*,\s*(?=\{)', re.DOTALL)


class _RLE(msgspec.Struct, gc=False):
    size: tuple[int, int]
    counts: str


_TYPES = {
    'image_id': int | float,
    'category_id': int | float,
    'score': float,
    'bbox': tuple[float, float, float, float],
    'segmentation': _RLE,
}


def read_results(
    path: str | Path, metrics: Sequence[str] = ('bbox',), on_bytes: Callable[[int], object] = lambda _: None
) -> Detections:
    """Read a results json into columns; of the file a piece is in memory at a time.

    Args:
        path: a json list of records, see `detection_columns`.
        metrics: what will be scored.
        on_bytes: is called now and then with the number of bytes read since the last time, for a progress bar.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, no list, or a malformed record, named by its index.
    """
    rows = DetectionRows(result_keys(metrics), attrgetter, RLEColumn())
    record_type = msgspec.defstruct('ResultRecord', [(key, _TYPES[key]) for key in rows.keys], gc=False)
    decode: Callable[[bytes], list[Any]] = msgspec.json.Decoder(list[record_type]).decode  # type: ignore[valid-type]
    done = index = 0
    with _open(path) as file:
        try:
            for start, piece, block in _blocks(file, decode):
                if block is None or not rows.add(block):
                    raise ValueError(_story(piece, start, index, rows.keys))
                index += len(block)
                on_bytes(file.tell() - done)
                done = file.tell()
        except ValueError as error:
            raise ValueError(f'{path} {error}') from None
    return Detections.from_rows(rows)


def result_fields(path: str | Path) -> frozenset[str]:
    """Return the fields of the first record of a results json; none where there is no such record.

    Args:
        path: a json list of records; what else it may be, `read_results` says.

    Raises:
        FileNotFoundError: no file at `path`.
    """
    decode = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
    with _open(path) as file:
        try:
            _, _, records = next(_blocks(file, decode))
        except ValueError:
            return frozenset()
    return frozenset(records[0]) if records else frozenset()


def read_records(path: str | Path) -> Iterator[dict[str, Any]]:
    """Read the records of a results json one by one, every field of them.

    Args:
        path: a json list of records; `read_results` checks them.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or no list.
    """
    with _open(path) as file:
        for start, piece, block in _blocks(file, msgspec.json.Decoder(list[dict[str, Any]]).decode):
            yield from _parse(piece, start) if block is None else block


def _open(path: str | Path) -> BinaryIO:
    if not Path(path).is_file():
        raise FileNotFoundError(f'results file not found: {path}')
    return open(path, 'rb')


def _blocks(file: BinaryIO, decode: Callable[[bytes], list[Any]]) -> Iterator[tuple[int, bytes, list[Any] | None]]:
    """Cut the list of a file into lists of whole records and decode each.

    Yields:
        Where the piece begins in the file, the piece, and its records; None where they are not of their type.
    """
    text = _head(file)
    start = file.tell() - len(text)
    more = b' '
    while more:
        # as much again as is left, or a record of many pieces would be looked at once for each of them
        more = file.read(max(_PIECE, len(text)))
        text += more
        cut = _RECORDS.match(text) if more else None
        if more and not cut:
            continue
        piece = cut[1] + b']' if cut else text
        try:
            block = decode(piece)
        except (msgspec.DecodeError, RecursionError):
            if cut and _is_cut_short(piece):
                continue  # inside a record that nests others, or inside a text
            block = None
        yield start, piece, block
        if cut:
            start += cut.end() - 1
            text = b'[' + text[cut.end() :]


def _head(file: BinaryIO) -> bytes:
    """Read the start of a list."""
    text = file.read(_PIECE).removeprefix(_BYTE_ORDER_MARK).lstrip()
    if text.startswith(b'['):
        return text
    kind = 'dict' if text.startswith(b'{') else type(_parse(text, file.tell() - len(text))).__name__
    raise ValueError(f'cannot be used: it holds a {kind}; expected a list of result records')


def _is_cut_short(piece: bytes) -> bool:
    try:
        msgspec.json.decode(piece, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        return 'truncated' in str(error)
    except RecursionError:
        pass
    return False


def _story(piece: bytes, start: int, index: int, keys: Sequence[str]) -> str:
    """Return what is wrong with a piece, of which msgspec tells neither the value found nor that it is NaN."""
    fault = first_fault(_parse(piece, start), index, keys)
    return f'cannot be used: {fault or f"the result records from {index} on cannot be read"}'


def _parse(text: bytes, start: int) -> Any:
    try:
        return json.loads(text.decode())
    except json.JSONDecodeError as error:
        position = start + len(error.doc[: error.pos].encode())
        reason = f'{error.msg} at byte {position}); was it cut short while being copied?'
    except RecursionError:
        reason = 'its values are nested too deeply)'
    except UnicodeDecodeError as error:
        reason = f'{error.reason}); is it a pickle, or an archive?'
    raise ValueError(f'is not valid json ({reason}')
