"""Walk a json text member by member, so that a gigabyte of annotations is never held as Python objects at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(r'[ \t\n\r]*([{}\[\],:])[ \t\n\r]*').match
_SPACE = re.compile(r'[ \t\n\r]*').match


class JsonStream:
    """Cursor over a json text.

    The caller consumes each member with `items` (arrays) or `value` before it asks for the next one.

    Args:
        text: a whole json document.

    Raises:
        json.JSONDecodeError: from any method, where the text is not valid json; `pos` says where.

    Example:
        >>> stream = JsonStream('{"info": {}, "images": [{"id": 1}, {"id": 2}]}')
        >>> {key: list(stream.items()) if stream.at('[') else stream.value() for key in stream.members()}
        {'info': {}, 'images': [{'id': 1}, {'id': 2}]}
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = self._skip_space(0)
        self._decode = json.JSONDecoder().raw_decode

    def at(self, character: str) -> bool:
        """Whether the next character is this one."""
        return self.text.startswith(character, self.pos)

    def value(self) -> Any:
        """Decode the value under the cursor, whole."""
        value, self.pos = self._decode(self.text, self.pos)
        return value

    def members(self) -> Iterator[str]:
        """Yield the keys of the object under the cursor; the cursor then stands on the value of that key."""
        self._expect('{')
        more = not self.at('}') or self._expect('}') != '}'
        while more:
            if not self.at('"'):
                raise json.JSONDecodeError('Expecting property name', self.text, self.pos)
            key = self.value()
            self._expect(':')
            yield key
            more = self._expect(',}') == ','

    def items(self) -> Iterator[Any]:
        """Yield the decoded elements of the array under the cursor, one by one."""
        self._expect('[')
        more = not self.at(']') or self._expect(']') != ']'
        while more:
            value, self.pos = self._decode(self.text, self.pos)
            yield value
            more = self._expect(',]') == ','

    def skip(self) -> None:
        """Pass over the value under the cursor, an array element by element."""
        if self.at('['):
            for _ in self.items():
                pass
        else:
            self.value()

    def _expect(self, characters: str) -> str:
        token = _TOKEN(self.text, self.pos)
        if token is None or token[1] not in characters:
            wanted = ' or '.join(f"'{character}'" for character in characters)
            raise json.JSONDecodeError(f'Expecting {wanted}', self.text, self.pos)
        self.pos = token.end()
        return token[1]

    def _skip_space(self, pos: int) -> int:
        space = _SPACE(self.text, pos)
        return space.end() if space else pos
