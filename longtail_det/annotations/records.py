"""Records of an annotation file, one by one, into the columns of a table; malformed ones are named and left out."""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, UnsetType

from .bad_records import BadRecords
from .json_members import decode_plainly, repeated_key
from .masks import MaskWriter
from .record_faults import explain_annotation, explain_image, title
from .table import AnnotationTable, ClassLists, ImageTable

_ANNOTATION_ROW = struct.Struct('=3q5d4?4x')
_ANNOTATION_COLUMNS = np.dtype([('ids', 'i8', 3), ('box', 'f8', 4), ('area', 'f8'), ('flags', '?', 4), ('pad', 'V4')])
_COCO_2014_PREFIX = re.compile(r'^COCO_(?:train|val|test)2014_(?=\d{12}\.jpg$)')
WRONG_LISTS = 'images with malformed lists of classes'

_MAX_NAME = 4096
_FIND_KEYS = re.compile(rb'"(\w+)"\s*:')
_REQUIRED = 5

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Flag = bool | Literal[0, 1] | None


class ImageRecord(msgspec.Struct, gc=False):
    """An image with its name (LVIS v0.5, COCO), or the URL that ends with it (LVIS v1), and LVIS's lists of classes."""

    id: Int64
    height: Int64
    width: Int64
    file_name: str | None = None
    coco_url: str | None = None
    neg_category_ids: list[Int64] | UnsetType = UNSET
    not_exhaustive_category_ids: list[Int64] = []


class AnnotationRecord(msgspec.Struct, gc=False):
    """What every annotation of a file has; `iscrowd` and `ignore` may miss."""

    id: Int64
    image_id: Int64
    category_id: Int64
    bbox: tuple[float, float, float, float]
    area: float
    iscrowd: Flag | UnsetType = UNSET
    ignore: Flag | UnsetType = UNSET


class MaskedAnnotation(AnnotationRecord, gc=False):
    """An annotation whose mask is read."""

    segmentation: list[list[float]] | dict[str, Any] | UnsetType | None = UNSET


def tabulate_images(records: Iterable[Any], bad: BadRecords) -> tuple[ImageTable, ClassLists]:
    """Read image records into a table.

    Args:
        records: bytes or objects with `id`, `height`, `width`, `file_name` (LVIS v0.5, COCO) or `coco_url` (LVIS v1),
            and maybe `neg_category_ids`, `not_exhaustive_category_ids`.
        bad: takes note of malformed ones.

    Returns:
        The images, and what they say of classes.
    """
    decode = msgspec.json.Decoder(ImageRecord).decode
    rows, names, listed = array('q'), [], []
    negatives, not_exhaustive = array('q'), array('q')
    for position, record in enumerate(records):
        try:
            image = _decode_image(record, decode)
        except (msgspec.DecodeError, RecursionError):
            repaired = _repair_image(record, position, bad)
            if repaired is None:
                continue
            image = repaired
        rows.extend((image.id, image.height, image.width))
        names.append(image_name(image.file_name, image.coco_url, image.neg_category_ids is not UNSET))
        listed.append(image.neg_category_ids is not UNSET)
        for category_id in image.neg_category_ids or ():
            negatives.extend((image.id, category_id))
        for category_id in image.not_exhaustive_category_ids:
            not_exhaustive.extend((image.id, category_id))
    columns = np.frombuffer(rows, dtype=np.int64).reshape(-1, 3)
    table = ImageTable(
        ids=columns[:, 0],
        sizes=columns[:, 1:],
        names=np.array(names, dtype=str),
        listed=np.array(listed, dtype=bool),
        rows=np.arange(len(columns)),
    )
    pairs = (np.frombuffer(found, dtype=np.int64).reshape(-1, 2) for found in (negatives, not_exhaustive))
    return table, ClassLists(*pairs)


def tabulate_annotations(records: Iterable[Any], bad: BadRecords, masks: MaskWriter | None = None) -> AnnotationTable:
    """Read annotation records into a table, in file order.

    Args:
        records: bytes or objects with `id`, `image_id`, `category_id`, `bbox`, `area`; `segmentation`, `iscrowd`,
            `ignore` may miss.
        bad: takes note of malformed ones and of invalid masks.
        masks: keeps the masks; None where they are not looked at.
    """
    kind: type[Any] = AnnotationRecord if masks is None else MaskedAnnotation
    decode = msgspec.json.Decoder(kind).decode
    rows, pack = bytearray(), _ANNOTATION_ROW.pack
    for position, source in enumerate(records):
        is_typed = True
        try:
            if isinstance(source, Raw):
                record = decode(source)
                if masks is not None and _has_repeated_key(record, source):
                    raise msgspec.ValidationError
            else:
                record = msgspec.convert(source, kind)
        except (msgspec.DecodeError, RecursionError):
            record, is_typed = _repair_annotation(source, position, bad), False
            if record is None:
                continue
        says_mask = False
        if masks is not None:
            says_mask = record.segmentation is not UNSET
            fault = masks.add(record.segmentation, is_typed=is_typed)
            if fault:
                bad.add('invalid masks', f'annotation {record.id}: {fault}')
        flags = record.iscrowd, record.ignore, record.ignore is not UNSET, says_mask
        rows += pack(record.id, record.image_id, record.category_id, *record.bbox, record.area, *flags)
    return _annotation_table(np.frombuffer(rows, dtype=_ANNOTATION_COLUMNS), masks)


def image_name(file_name: str | None, coco_url: str | None, is_lvis: bool) -> str:
    """Return where an image lies below the image folder.

    LVIS v1 has no `file_name`: its images are spread over the folders that end `coco_url`. LVIS v0.5 names the
    files of COCO 2014, but those of COCO 2017, which hold the same images, are what everybody has.

    Args:
        file_name: of the record.
        coco_url: of the record.
        is_lvis: whether the record has `neg_category_ids`.

    Returns:
        The name; empty where there is none that a file can have.

    Example:
        >>> image_name(None, 'http://host/train2017/000000391895.jpg', True)
        'train2017/000000391895.jpg'
        >>> image_name('COCO_val2014_000000000123.jpg', None, True)
        '000000000123.jpg'
    """
    name = file_name or '/'.join((coco_url or '').split('/')[-2:])
    if len(name) > _MAX_NAME or '\0' in name:
        return ''  # the column is as wide as the longest name
    return _COCO_2014_PREFIX.sub('', name) if is_lvis and file_name else name


def _decode_image(record: Any, decode: Any) -> Any:
    if not isinstance(record, Raw):
        return msgspec.convert(record, ImageRecord)
    image, text = decode(record), bytes(record)
    keys = _FIND_KEYS.findall(text)
    if len(set(keys)) < len(keys) and repeated_key(text):
        raise msgspec.ValidationError
    return image


def _has_repeated_key(record: MaskedAnnotation, source: Raw) -> bool:
    """Return whether a key is there twice; a record of as many quotation marks as known keys need not be parsed."""
    text, mask = bytes(source), record.segmentation
    keys = _REQUIRED + (record.iscrowd is not UNSET) + (record.ignore is not UNSET) + (mask is not UNSET)
    if type(mask) is dict:
        keys += len(mask) + (type(mask.get('counts')) is str)
    # replacing finds a byte four times faster than counting
    return len(text) - len(text.replace(b'"', b'')) != 2 * keys and bool(repeated_key(text))


def _repair_image(record: Any, position: int, bad: BadRecords) -> ImageRecord | None:
    """What of an image can be used though msgspec refuses it: its name or its lists of classes may be wrong."""
    plain = decode_plainly(record)
    fault = explain_image(plain)
    if fault:
        bad.add('malformed images', f'{title("image", plain, position)} {fault}')
        return None
    image = ImageRecord(int(plain['id']), int(plain['height']), int(plain['width']))
    for key in ('file_name', 'coco_url'):
        setattr(image, key, plain.get(key) if isinstance(plain.get(key), str) else None)
    for key in ('neg_category_ids', 'not_exhaustive_category_ids'):
        if key in plain:
            try:
                setattr(image, key, msgspec.convert(plain[key], list[Int64]))
            except msgspec.ValidationError:
                bad.add(WRONG_LISTS, f'image {image.id} has {key} that are not category ids')
    return image


def _repair_annotation(source: Any, position: int, bad: BadRecords) -> MaskedAnnotation | None:
    """What of an annotation can be used though msgspec refuses it: its mask may be wrong, a number numpy's or inf."""
    plain = decode_plainly(source)
    fault = explain_annotation(plain)
    if fault:
        bad.add('malformed annotations', f'{title("annotation", plain, position)} {fault}')
        return None
    x, y, width, height = map(float, plain['bbox'])
    return MaskedAnnotation(
        id=int(plain['id']),
        image_id=int(plain['image_id']),
        category_id=int(plain['category_id']),
        bbox=(x, y, width, height),
        area=float(plain['area']),
        iscrowd=plain.get('iscrowd', False),
        ignore=plain.get('ignore', UNSET),
        segmentation=plain.get('segmentation', UNSET),
    )


def _annotation_table(columns: np.ndarray[Any, np.dtype[np.void]], masks: MaskWriter | None) -> AnnotationTable:
    kinds, spans, rle_sizes = (masks.kinds, masks.spans, masks.rle_sizes) if masks is not None else (b'', b'', b'')
    pairs: Any = (len(columns), 2)

    def column(data: Any, dtype: Any, shape: tuple[int, ...]) -> Any:
        # one entry for all where no mask was looked at
        return np.broadcast_to(dtype(0), shape) if masks is None else np.frombuffer(data, dtype).reshape(shape)

    return AnnotationTable(
        ids=columns['ids'][:, 0],
        image_ids=columns['ids'][:, 1],
        category_ids=columns['ids'][:, 2],
        crowd=columns['flags'][:, 0],
        ignore=columns['flags'][:, 1],
        says_ignore=columns['flags'][:, 2],
        boxes=columns['box'],
        areas=columns['area'],
        rle_sizes=column(rle_sizes, np.int64, pairs),
        says_mask=columns['flags'][:, 3],
        mask_kinds=column(kinds, np.uint8, pairs[:1]),
        mask_spans=column(spans, np.int64, pairs),
        rows=np.arange(len(columns)),
    )
