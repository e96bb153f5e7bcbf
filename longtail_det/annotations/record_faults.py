"""What is wrong with a malformed record, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from .json_members import RepeatedKey


def title(noun: str, record: Any, position: int) -> str:
    """Return how a message names a record: by its id, or else by its place.

    Args:
        noun: 'image' or 'annotation'.
        record: any value of the JSON.
        position: its place in the array.

    Example:
        >>> title('image', {'id': 7}, 0), title('image', None, 3)
        ('image 7', 'images[3]')
    """
    if isinstance(record, Mapping) and 'id' in record:
        return f'{noun} {record["id"]!r:.40}'
    return f'{noun}s[{position}]'


def explain_image(record: Any) -> str:
    """Return what is wrong with an image record; empty where all is well.

    Args:
        record: any value of the JSON.

    Example:
        >>> explain_image({'id': 7, 'height': '60', 'width': 80})
        "has height '60', expected an integer"
    """
    return _explain(record, _IMAGE_VALUES)


def explain_annotation(record: Any) -> str:
    """Return what is wrong with an annotation record; empty where all is well.

    Args:
        record: any value of the JSON.

    Example:
        >>> explain_annotation({'id': 7, 'image_id': 1, 'category_id': 2, 'area': 9})
        'has no bbox'
    """
    return _explain(record, _ANNOTATION_VALUES) or _explain(
        record, {key: value for key, value in _FLAG_VALUES.items() if key in record}
    )


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer of 64 bits, and no bool.

    Args:
        value: any value of the JSON, or numpy's.
    """
    return isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) < 2**63


def is_number(value: Any) -> bool:
    """Return whether a value is a number that a float can hold, NaN and infinities too, and no bool.

    Args:
        value: any value of the JSON, or numpy's.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    return not isinstance(value, Integral) or abs(int(value)) < 2**1023  # the largest float


def _is_flag(value: Any) -> bool:
    return value is None or (isinstance(value, (bool, Real)) and value in (0, 1))


def _is_box(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 4 and all(map(is_number, value))


_ValueTable = dict[str, tuple[Callable[[Any], bool], str]]
_IMAGE_VALUES: _ValueTable = dict.fromkeys(('id', 'height', 'width'), (is_integer, 'an integer'))
_ANNOTATION_VALUES: _ValueTable = {
    **dict.fromkeys(('id', 'image_id', 'category_id'), (is_integer, 'an integer')),
    'bbox': (_is_box, 'four numbers x, y, width, height'),
    'area': (is_number, 'a number'),
}
_FLAG_VALUES: _ValueTable = dict.fromkeys(('iscrowd', 'ignore'), (_is_flag, '0 or 1'))


def _explain(record: Any, values: _ValueTable) -> str:
    """Return what keeps a record out of its table; empty where nothing does."""
    if not isinstance(record, Mapping):
        return f'is a {type(record).__name__}, expected an object'
    if isinstance(record, RepeatedKey):
        return f'has {record.key} twice'
    missing = [key for key in values if key not in record]
    if missing:
        return f'has no {", ".join(missing)}'
    for key, (is_right, wanted) in values.items():
        if not is_right(record[key]):
            return f'has {key} {record[key]!r:.80}, expected {wanted}'
    return ''
