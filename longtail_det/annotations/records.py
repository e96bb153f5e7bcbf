"""Records of an annotation file, one by one, into the columns of a table; malformed ones are named and left out."""

from __future__ import annotations

import os
import re
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .checks import BadRecords
from .packed_mask import pack_mask
from .table import AnnotationTable, ImageTable

MASKS = ('pack', 'need', 'skip')
# struct refuses a row whole where a value has the wrong type: no half-written rows, no check per value.
_ANNOTATION_ROW = struct.Struct('=3q5d3?5x')
_ANNOTATION_COLUMNS = np.dtype([('ids', 'i8', 3), ('box', 'f8', 4), ('area', 'f8'), ('flags', '?', 3), ('pad', 'V5')])
_IMAGE_ROW = struct.Struct('=3q')
_COCO_2014_PREFIX = re.compile(r'^COCO_(?:train|val|test)2014_(?=\d{12}\.jpg$)')
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError, struct.error)


def tabulate_images(records: Iterable[Any], bad: BadRecords, *, named: bool = True) -> ImageTable:
    """Read image records into a table.

    Args:
        records: with `id`, `height`, `width` and either `file_name` (LVIS v0.5, COCO) or `coco_url` (LVIS v1).
        bad: takes note of malformed ones.
        named: whether the file names are wanted; without them they may miss.
    """
    rows, names = bytearray(), []
    for position, record in enumerate(records):
        try:
            name = os.fspath(image_name(record)) if named else ''  # refuses what is no text
            rows += _IMAGE_ROW.pack(record['id'], record['height'], record['width'])
        except _MALFORMED:
            reason = _explain(record, _IMAGE_VALUES, otherwise='has no file_name or coco_url')
            bad.add('malformed images', f'{_title("image", record, position)} {reason}')
        else:
            names.append(name)
    columns = np.frombuffer(rows, dtype='i8').reshape(-1, 3)
    return ImageTable(ids=columns[:, 0], sizes=columns[:, 1:], names=np.array(names, dtype=object))


def tabulate_annotations(records: Iterable[Any], bad: BadRecords, masks: str = 'pack') -> AnnotationTable:
    """Read annotation records into a table.

    Args:
        records: with `id`, `image_id`, `category_id`, `bbox`, `area`; `segmentation`, `iscrowd`, `ignore` may miss.
        bad: takes note of malformed ones and of invalid masks. Of a mask with one invalid polygon the others stay.
        masks: 'pack' checks each `segmentation` and keeps it in the table, 'need' only demands that there is one,
            'skip' does not look.
    """
    rows, packed, rle_sizes = bytearray(), [], array('q')
    pack, is_packing, is_needed = _ANNOTATION_ROW.pack, masks == 'pack', masks == 'need'
    for position, record in enumerate(records):
        try:
            if is_packing:
                mask = pack_mask(record.get('segmentation'))
            elif is_needed:
                record['segmentation']
            row = pack(
                record['id'],
                record['image_id'],
                record['category_id'],
                *record['bbox'],
                record['area'],
                record.get('iscrowd', False),
                record.get('ignore', False),
                'ignore' in record,
            )
        except _MALFORMED:
            values = {**_ANNOTATION_VALUES, **({'segmentation': _ANY_VALUE} if is_needed else {})}
            reason = _explain(record, values, otherwise='cannot be read')
            bad.add('malformed annotations', f'{_title("annotation", record, position)} {reason}')
            continue
        if is_packing:
            if mask.fault:
                bad.add('invalid masks', f'annotation {record["id"]}: {mask.fault}')
                if not mask.data:
                    continue
            packed.append(mask.data)
            rle_sizes.extend(mask.rle_size)
        rows += row
    return _annotation_table(np.frombuffer(rows, dtype=_ANNOTATION_COLUMNS), packed, rle_sizes, is_packing)


def image_name(record: Mapping[str, Any]) -> str:
    """Return where an image lies below the image folder.

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


def _annotation_table(
    columns: np.ndarray[Any, np.dtype[np.void]], masks: list[bytes | None], rle_sizes: array[int], has_masks: bool
) -> AnnotationTable:
    sizes: Any = np.frombuffer(rle_sizes, dtype=np.int64).reshape(-1, 2)
    objects: Any = np.empty(len(masks), dtype=object)
    objects[:] = masks
    return AnnotationTable(
        ids=columns['ids'][:, 0],
        image_ids=columns['ids'][:, 1],
        category_ids=columns['ids'][:, 2],
        crowd=columns['flags'][:, 0],
        ignore=columns['flags'][:, 1],
        says_ignore=columns['flags'][:, 2],
        boxes=columns['box'],
        areas=columns['area'],
        # one entry for all where no mask was looked at
        rle_sizes=sizes if has_masks else np.broadcast_to(np.int64(0), (len(columns), 2)),
        masks=objects if has_masks else np.broadcast_to(np.array(None, dtype=object), len(columns)),
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and abs(value) < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


_ANY_VALUE: tuple[Callable[[Any], bool], str] = (lambda value: True, '')
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
    """Return what keeps a record out of its table."""
    if not isinstance(record, Mapping):
        return f'is a {type(record).__name__}, expected an object'
    missing = [key for key in values if key not in record]
    if missing:
        return f'has no {", ".join(missing)}'
    for key, (is_right, wanted) in values.items():
        if not is_right(record[key]):
            return f'has {key} {record[key]!r}, expected {wanted}'
    return otherwise
