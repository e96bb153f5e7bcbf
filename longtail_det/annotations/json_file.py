"""Walk a json file piece by piece: of a file of a gigabyte, a megabyte is in memory at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

_SPACE = re.compile(r'[ \t\n\r]*').match
_BEHIND_VALUE = frozenset(',]}: \t\n\r')
_BYTE_ORDER_MARK = b'\xef\xbb\xbf'


class JsonFile:
    """Cursor over a json file.

    The caller consumes each member with `items` (arrays), `value` or `skip` before it asks for the next one.

    Args:
        file: opened for bytes, at its start.
        chunk: bytes read at a time.

    Raises:
        json.JSONDecodeError: from any method, where the file is not valid json; its `pos` counts bytes.
        UnicodeDecodeError: from any method, where a value is not UTF-8.

    Example:
        >>> import io
        >>> stream = JsonFile(io.BytesIO(b'{"info": {}, "images": [{"id": 1}, {"id": 2}]}'))
        >>> {key: list(stream.items()) if stream.at('[') else stream.value() for key in stream.members()}
        {'info': {}, 'images': [{'id': 1}, {'id': 2}]}
    """

    def __init__(self, file: BinaryIO, chunk: int = 2**20) -> None:
        self._file = file
        self._chunk = chunk
        self._decode = json.JSONDecoder().raw_decode
        # latin-1, so that a character is a byte; what holds other letters is decoded once more
        self._text = ''
        self._is_ascii = True
        self._pos = 0
        self._offset = 0
        self._ended = False
        self.span = (0, 0)
        """First byte and the byte behind the last one of the value read last."""
        self._fill()
        if self._text.startswith(_BYTE_ORDER_MARK.decode('latin-1')):
            self._pos = len(_BYTE_ORDER_MARK)

    @property
    def position(self) -> int:
        """Bytes before the cursor."""
        return self._offset + self._pos

    def head(self, size: int) -> bytes:
        """Return the next bytes, at most as many as a chunk has, and leave the cursor where it is."""
        return self._text[self._pos : self._pos + size].encode('latin-1')

    def at(self, character: str) -> bool:
        """Return whether the next character is this one."""
        return self._peek() == character

    def at_end(self) -> bool:
        """Return whether nothing but space is left."""
        return not self._peek()

    def value(self) -> Any:
        """Decode the value under the cursor, whole."""
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._pos)
                # a number that ends with the chunk, or in the midst of '1.5e3', goes on in the next one
                if self._ended or self._text[end : end + 1] in _BEHIND_VALUE:
                    break
            except json.JSONDecodeError as error:
                if self._ended:
                    raise self._error(error.msg, error.pos) from None
            self._fill()
        start, self._pos = self._pos, end
        self.span = (self._offset + start, self._offset + end)
        if self._is_ascii or self._text[start:end].isascii():
            return value
        return json.loads(self._text[start:end].encode('latin-1'))

    def members(self) -> Iterator[str]:
        """Yield the keys of the object under the cursor; the cursor then stands on the value of that key."""
        self._expect('{')
        more = not self.at('}') or self._expect('}') != '}'
        while more:
            if not self.at('"'):
                raise self._error('Expecting property name', self._pos)
            key = self.value()
            self._expect(':')
            yield key
            more = self._expect(',}') == ','

    def items(self) -> Iterator[Any]:
        """Yield the decoded elements of the array under the cursor, one by one."""
        self._expect('[')
        more = not self.at(']') or self._expect(']') != ']'
        while more:
            yield self.value()
            more = self._expect(',]') == ','

    def skip(self) -> None:
        """Pass over the value under the cursor, an array element by element."""
        if self.at('['):
            for _ in self.items():
                pass
        else:
            self.value()

    def _peek(self) -> str:
        while True:
            space = _SPACE(self._text, self._pos)
            self._pos = space.end() if space else self._pos
            if self._pos < len(self._text) or self._ended:
                return self._text[self._pos : self._pos + 1]
            self._fill()

    def _expect(self, characters: str) -> str:
        found = self._peek()
        if not found or found not in characters:
            wanted = ' or '.join(f"'{character}'" for character in characters)
            raise self._error(f'Expecting {wanted}', self._pos)
        self._pos += 1
        return found

    def _fill(self) -> None:
        left = self._text[self._pos :]
        # as much again as is left, or a value of many chunks would be looked at once for each of them
        piece = self._file.read(max(self._chunk, len(left)))
        self._ended = not piece
        self._text = left + piece.decode('latin-1')
        self._is_ascii = self._text.isascii()
        self._offset += self._pos
        self._pos = 0

    def _error(self, message: str, pos: int) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, '', self._offset + pos)
