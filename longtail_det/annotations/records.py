"""Records of an annotation file, one by one, into the columns of a table; malformed ones are named and left out."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .checks import BadRecords
from .packed_mask import pack_mask
from .table import AnnotationTable, ImageTable

# struct refuses a row whole where a value has the wrong type: no half-written rows, no check per value.
_ANNOTATION_ROW = struct.Struct('=7q5d')
_ANNOTATION_COLUMNS = np.dtype(
    [('ids', 'i8', 3), ('crowd', 'i8'), ('ignore', 'i8'), ('rle_size', 'i8', 2), ('box', 'f8', 4), ('area', 'f8')]
)
_IMAGE_ROW = struct.Struct('=3q')
_COCO_2014_PREFIX = re.compile(r'^COCO_(?:train|val|test)2014_(?=\d{12}\.jpg$)')
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError, struct.error)


def read_images(records: Iterable[Any], bad: BadRecords) -> ImageTable:
    """Tabulate image records.

    Args:
        records: with `id`, `height`, `width` and either `file_name` (LVIS v0.5, COCO) or `coco_url` (LVIS v1).
        bad: takes note of malformed ones.
    """
    rows, names = bytearray(), []
    for position, record in enumerate(records):
        try:
            name = os.fspath(image_name(record))  # refuses what is no text
            rows += _IMAGE_ROW.pack(record['id'], record['height'], record['width'])
        except _MALFORMED:
            reason = _explain(record, _IMAGE_VALUES, otherwise='has no file_name or coco_url')
            bad.add('malformed images', f'{_title("image", record, position)} {reason}')
        else:
            names.append(name)
    columns = np.frombuffer(rows, dtype='i8').reshape(-1, 3)
    return ImageTable(ids=columns[:, 0], sizes=columns[:, 1:], names=np.array(names, dtype=object))


def read_annotations(records: Iterable[Any], bad: BadRecords) -> AnnotationTable:
    """Tabulate annotation records.

    Args:
        records: with `id`, `image_id`, `category_id`, `bbox`, `area`; `segmentation`, `iscrowd`, `ignore` may miss.
        bad: takes note of malformed ones and of invalid masks. Of a mask with one invalid polygon the others stay.
    """
    rows, masks = bytearray(), []
    for position, record in enumerate(records):
        try:
            mask = pack_mask(record.get('segmentation'))
            ids = record['id'], record['image_id'], record['category_id']
            flags = bool(record.get('iscrowd')), bool(record.get('ignore'))
            row = _ANNOTATION_ROW.pack(*ids, *flags, *mask.rle_size, *record['bbox'], record['area'])
        except _MALFORMED:
            reason = _explain(record, _ANNOTATION_VALUES, otherwise='cannot be read')
            bad.add('malformed annotations', f'{_title("annotation", record, position)} {reason}')
            continue
        if mask.fault:
            bad.add('invalid masks', f'annotation {record["id"]}: {mask.fault}')
        if mask.data or not mask.fault:
            rows += row
            masks.append(mask.data)
    return _annotation_table(np.frombuffer(rows, dtype=_ANNOTATION_COLUMNS), masks)


def image_name(record: Mapping[str, Any]) -> str:
    """Where an image lies below the image folder.

    LVIS v1 has no `file_name`: its images are spread over the folders that end `coco_url`. LVIS v0.5 names the
    files of COCO 2014, but those of COCO 2017, which hold the same images, are what everybody has.

    Args:
        record: an image of an annotation file.

    Example:
        >>> image_name({'coco_url': 'http://host/train2017/000000391895.jpg'})
        'train2017/000000391895.jpg'
        >>> image_name({'file_name': 'COCO_val2014_000000000123.jpg', 'neg_category_ids': [3]})
        '000000000123.jpg'
    """
    name = record.get('file_name')
    if not name:
        return '/'.join(record['coco_url'].split('/')[-2:])
    return _COCO_2014_PREFIX.sub('', name) if 'neg_category_ids' in record else name


def _annotation_table(columns: np.ndarray[Any, np.dtype[np.void]], masks: list[bytes | None]) -> AnnotationTable:
    objects = np.empty(len(masks), dtype=object)
    objects[:] = masks
    return AnnotationTable(
        ids=columns['ids'][:, 0].copy(),
        image_ids=columns['ids'][:, 1].copy(),
        category_ids=columns['ids'][:, 2].copy(),
        crowd=columns['crowd'] != 0,
        ignore=columns['ignore'] != 0,
        rle_sizes=columns['rle_size'].copy(),
        boxes=columns['box'].copy(),
        areas=columns['area'].copy(),
        masks=objects,
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and abs(value) < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


_ValueTable = dict[str, tuple[Callable[[Any], bool], str]]
_IMAGE_VALUES: _ValueTable = dict.fromkeys(('id', 'height', 'width'), (_is_integer, 'an integer'))
_ANNOTATION_VALUES: _ValueTable = {
    **dict.fromkeys(('id', 'image_id', 'category_id'), (_is_integer, 'an integer')),
    'bbox': (_is_box, 'four numbers x, y, width, height'),
    'area': (_is_number, 'a number'),
}


def _title(noun: str, record: Any, position: int) -> str:
    if isinstance(record, Mapping) and 'id' in record:
        return f'{noun} {record["id"]}'
    return f'{noun}s[{position}]'


def _explain(record: Any, values: _ValueTable, otherwise: str) -> str:
    """Say what keeps a record out of its table."""
    if not isinstance(record, Mapping):
        return f'is a {type(record).__name__}, expected an object'
    missing = [key for key in values if key not in record]
    if missing:
        return f'has no {", ".join(missing)}'
    for key, (is_right, wanted) in values.items():
        if not is_right(record[key]):
            return f'has {key} {record[key]!r}, expected {wanted}'
    return otherwise
