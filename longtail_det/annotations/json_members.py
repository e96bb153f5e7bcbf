"""Find the arrays of a JSON file and the bytes of each record in them, by one pass of msgspec over a memory map."""

from __future__ import annotations

import json
import mmap
import re
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType

_BYTE_ORDER_MARK = b'\xef\xbb\xbf'
_MEMBER = list[Raw] | dict[str, Raw] | str | int | float | bool | None | UnsetType
#: Python's json writes these, JSON has no such values: they become text of the same length until a record is read
_NOT_FINITE = {b'NaN': b'"\x7f"', b'Infinity': b'"\x7fInfin"', b'-Infinity': b'"\x7f-Infin"'}
_FIND_NOT_FINITE = re.compile(rb'(?<=[\s:,\[])(?:NaN|-?Infinity)(?=[\s,\]}])')
ANNOTATION_FILE = 'no LVIS or COCO annotation file'


class JsonMembers:
    """Some members of the object that a JSON file holds. Records are views of a memory map: they take 50 bytes each.

    Args:
        path: json file on this machine.
        name: the file, as messages name it.
        keys: the members to look for; the rest is passed over.
        otherwise: what the file is not if it holds no object, for the message.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, or no object.

    Attributes:
        arrays: the records of each of the members that is an array.
        keys: which of the members there are.
    """

    def __init__(self, path: str | Path, name: str, keys: Iterable[str], otherwise: str = ANNOTATION_FILE) -> None:
        if not Path(path).is_file():
            raise FileNotFoundError(f'annotation file not found: {name}')
        size = Path(path).stat().st_size
        self._map = _map_file(path) if size else None
        text: Any = memoryview(b'' if self._map is None else self._map)
        if text[:3] == _BYTE_ORDER_MARK:
            text = text[3:]
        _require_object(bytes(text[:80]), name, otherwise)
        decode = msgspec.json.Decoder(msgspec.defstruct('Members', [(key, _MEMBER, UNSET) for key in keys])).decode
        try:
            try:
                found = decode(text)
            except msgspec.DecodeError:
                text = _spell_not_finite(text)  # a copy, which real files do not need
                self._map = None
                found = decode(text)
        except RecursionError:
            raise ValueError(f'{name} is {otherwise}: its values are nested too deeply') from None
        except msgspec.DecodeError as error:
            raise ValueError(
                f'{name} is not valid json: {error}, of {size} bytes; was it cut short while being downloaded or '
                'copied? Fetch it again'
            ) from None
        members = {key: value for key, value in msgspec.structs.asdict(found).items() if value is not UNSET}
        self.keys = frozenset(members)
        self.arrays: dict[str, list[Raw]] = {k: value for k, value in members.items() if isinstance(value, list)}
        _refuse_repeated_members(text, self.arrays, name)
        self.release()

    def release(self) -> None:
        """Give the pages of the map back to the system; what is read again is mapped again."""
        if self._map is not None and hasattr(mmap, 'MADV_DONTNEED'):
            self._map.madvise(mmap.MADV_DONTNEED)


def decode_plainly(record: Any) -> Any:
    """Decode a record that msgspec refuses, for what is wrong with it: numbers beyond all bounds, half of a letter.

    Args:
        record: of `JsonMembers`; anything else is returned as it is.

    Returns:
        The value; None where it is no UTF-8 or nested too deeply. An object with a key twice is a `RepeatedKey`.
    """
    if not isinstance(record, Raw):
        return record
    text = bytes(record)
    for value, spelled in _NOT_FINITE.items():
        text = text.replace(spelled, value)
    try:
        return json.loads(text, object_pairs_hook=_unique_dict)
    except (ValueError, RecursionError):
        return None


class RepeatedKey(dict[str, Any]):
    """An object of a JSON that has a key twice, of which only the last would count.

    Attributes:
        key: that is there twice.
    """

    key = ''


def repeated_key(text: bytes) -> str:
    """Return a key that an object of a JSON has twice; empty where there is none.

    Args:
        text: the object; keys of objects in it are looked at too.
    """
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = _unique_dict(pairs)
        found.extend([fields.key] if isinstance(fields, RepeatedKey) else [])
        return fields

    json.loads(text, object_pairs_hook=note)
    return found[-1] if found else ''


def _unique_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    repeated = RepeatedKey(fields)
    counts = Counter(key for key, _ in pairs)
    repeated.key = counts.most_common(1)[0][0]
    return repeated


def _refuse_repeated_members(text: memoryview | bytearray, members: Mapping[str, Any], name: str) -> None:
    """Raise where a member is there twice: decoders take the last without a word."""
    base, start, rest = _address(text), 0, []
    spans = [
        (_address(records[0]), _address(records[-1]) + len(records[-1])) for records in members.values() if records
    ]
    for first, last in sorted(spans):
        rest.append(bytes(text[start : first - base]))
        start = last - base
    rest.append(bytes(text[start:]))
    around = b''.join(rest)  # the file without these records
    if any(around.count(f'"{key}"'.encode()) > 1 for key in members):
        with suppress(RecursionError):
            repeated = repeated_key(around)
            if repeated in members:
                raise ValueError(f'{name} has {repeated} twice; expected each member once, merge or remove one of them')


def _address(buffer: Any) -> int:
    return int(np.frombuffer(buffer, dtype=np.uint8).__array_interface__['data'][0])


def _map_file(path: str | Path) -> mmap.mmap:
    with open(path, 'rb') as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _spell_not_finite(text: memoryview) -> bytearray:
    spelled = bytearray(text)
    for match in _FIND_NOT_FINITE.finditer(text):
        spelled[match.start() : match.end()] = _NOT_FINITE[match.group()]
    return spelled


def _require_object(start: bytes, name: str, otherwise: str) -> None:
    if start.lstrip()[:1] == b'{':
        return
    try:
        # incremental: the cut may be in the midst of a letter
        text = getincrementaldecoder('utf-8')().decode(start[:20]).strip()
    except UnicodeDecodeError:
        raise ValueError(f'{name} is not a text file; if it is a zip or gz archive, unpack it first') from None
    raise ValueError(
        f'{name} is {otherwise}: expected a json object with images, annotations and categories, found '
        f'{repr(text) if text else "nothing"} at its start'
    )
