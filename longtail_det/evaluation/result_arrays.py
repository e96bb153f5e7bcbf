"""Predicted images as arrays in an `.npz` file: everything a test knows of its detections, and nothing that can run.

One row per image: `image_ids`, `counts` (detections of each), maybe `shapes` (height, width) and `paths`. One row per
detection: `bboxes` (x1, y1, x2, y2 in pixels), `scores`, `labels`, maybe `mask_scores`, and masks as run lengths:
`mask_sizes` and `mask_counts`. `category_ids` holds the category of each label. Text lies in one array of bytes, with
the length of each piece in `..._lengths`.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NEEDED = ('bboxes', 'scores', 'labels')
#: kinds of numpy's dtypes and sizes of the columns behind the rows
_COLUMNS: dict[str, tuple[str, tuple[int, ...]]] = {
    'image_ids': ('iu', ()),
    'counts': ('iu', ()),
    'category_ids': ('iu', ()),
    'bboxes': ('f', (4,)),
    'scores': ('f', ()),
    'labels': ('iu', ()),
    'mask_scores': ('f', ()),
    'mask_sizes': ('iu', (2,)),
    'mask_counts': ('u', ()),
    'mask_counts_lengths': ('iu', ()),
    'shapes': ('iu', (2,)),
    'paths': ('u', ()),
    'paths_lengths': ('iu', ()),
}
# what numpy raises on a file that is cut short or is none, by where the damage is
_GARBLED = (EOFError, KeyError, MemoryError, NotImplementedError, OSError, ValueError, zipfile.BadZipFile, zlib.error)


def write_result_arrays(path: Path, images: Sequence[Mapping[str, Any]]) -> None:
    """Write predicted images.

    Args:
        path: the file.
        images: see `result_columns`.

    Raises:
        ValueError: see there.
    """
    columns = result_columns(images)
    with path.open('wb') as stream:
        np.savez(stream, **columns)  # type: ignore[arg-type]


def result_columns(images: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of predicted images, by name.

    Args:
        images: as `read_predicted_images` gives them; tensors are taken as arrays. All of them have masks or none.

    Raises:
        ValueError: an image without boxes, scores and labels, or one that lacks what others have.
    """
    found = [image.get('pred_instances') or {} for image in images]
    fields = {*_NEEDED, *({'mask_scores', 'masks'} & set(found[0] if found else ()))}
    for image, instances in zip(images, found, strict=True):
        missing = sorted(fields - {key for key, value in instances.items() if value is not None})
        if missing:
            raise ValueError(
                f'image {image.get("img_id")} was predicted without {missing[0]}, which an .npz file needs of every '
                'image; give --out a name that ends in .pkl'
            )
    columns: dict[str, NDArray[Any]] = {
        'image_ids': np.array([image['img_id'] for image in images], dtype=np.int64),
        'counts': np.array([len(instances['labels']) for instances in found], dtype=np.int64),
    }
    for name in fields - {'masks'}:
        kind, tail = _COLUMNS[name]
        empty = np.zeros((0, *tail), dtype=np.float32 if kind == 'f' else np.int64)
        parts = [np.asarray(instances[name]).reshape(-1, *tail) for instances in found]
        columns[name] = np.concatenate(parts) if parts else empty
    if 'masks' in fields:
        masks = [mask for instances in found for mask in instances['masks']]
        columns['mask_sizes'] = np.array([mask['size'] for mask in masks], dtype=np.int64).reshape(-1, 2)
        columns |= _text_columns('mask_counts', [mask['counts'] for mask in masks])
    if all('ori_shape' in image for image in images):
        columns['shapes'] = np.array([image['ori_shape'][:2] for image in images], dtype=np.int64).reshape(-1, 2)
    if all('img_path' in image for image in images):
        columns |= _text_columns('paths', [str(image['img_path']) for image in images])
    if images and images[0].get('category_ids') is not None:
        columns['category_ids'] = np.array(images[0]['category_ids'], dtype=np.int64)
    return columns


def read_result_arrays(path: Path) -> list[dict[str, Any]]:
    """Read what `write_result_arrays` wrote.

    Args:
        path: the file.

    Returns:
        Predicted images, their arrays numpy's.

    Raises:
        ValueError: no such file of arrays, one cut short, or arrays that do not fit each other.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            columns = {name: file[name] for name in _COLUMNS if name in file.files}
        _check(columns)
        return list(_images(columns))
    except _GARBLED as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(f'{path} is no results file of arrays, or was cut short ({reason:.200})') from None


def _check(columns: Mapping[str, NDArray[Any]]) -> None:
    for name, column in columns.items():
        kind, tail = _COLUMNS[name]
        if column.dtype.kind not in kind or column.shape[1:] != tail or column.ndim != 1 + len(tail):
            raise ValueError(f'{name} has dtype {column.dtype} and shape {column.shape}')
    missing = [name for name in ('image_ids', 'counts', *_NEEDED) if name not in columns]
    if missing:
        raise ValueError(f'it has no {missing[0]}')
    num_images, counts = len(columns['image_ids']), columns['counts']
    if len(counts) and int(counts.min()) < 0:
        raise ValueError('a count is negative')
    rows = {'counts': num_images, 'shapes': num_images, 'paths_lengths': num_images}
    rows |= dict.fromkeys((*_NEEDED, 'mask_scores', 'mask_sizes', 'mask_counts_lengths'), sum(counts.tolist()))
    for name, wanted in rows.items():
        if name in columns and len(columns[name]) != wanted:
            raise ValueError(f'{name} has {len(columns[name])} rows; expected {wanted}')
    if ('mask_sizes' in columns) != ('mask_counts_lengths' in columns):
        raise ValueError('it has only a part of the masks')


def _images(columns: Mapping[str, NDArray[Any]]) -> Iterator[dict[str, Any]]:
    texts = {name: _texts(name, columns) for name in ('mask_counts', 'paths') if f'{name}_lengths' in columns}
    category_ids = tuple(columns['category_ids'].tolist()) if 'category_ids' in columns else None
    ends = np.cumsum(columns['counts'], dtype=np.int64).tolist()
    sizes = columns['mask_sizes'].tolist() if 'mask_sizes' in columns else []
    for row, (img_id, start, end) in enumerate(zip(columns['image_ids'].tolist(), [0, *ends], ends, strict=False)):
        instances: dict[str, Any] = {
            key: columns[key][start:end] for key in (*_NEEDED, 'mask_scores') if key in columns
        }
        if 'mask_counts' in texts:
            masks = zip(sizes[start:end], texts['mask_counts'][start:end], strict=True)
            instances['masks'] = [{'size': size, 'counts': counts} for size, counts in masks]
        image = {'img_id': img_id, 'pred_instances': instances}
        if 'shapes' in columns:
            image['ori_shape'] = tuple(columns['shapes'][row].tolist())
        if 'paths' in texts:
            image['img_path'] = texts['paths'][row].decode()
        yield image if category_ids is None else image | {'category_ids': category_ids}


def _text_columns(name: str, texts: Sequence[str | bytes]) -> dict[str, NDArray[Any]]:
    pieces = [text.encode() if isinstance(text, str) else text for text in texts]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    return {name: np.frombuffer(b''.join(pieces), dtype=np.uint8), f'{name}_lengths': lengths}


def _texts(name: str, columns: Mapping[str, NDArray[Any]]) -> list[bytes]:
    lengths = columns[f'{name}_lengths'].tolist()
    if name not in columns or min(lengths, default=0) < 0 or sum(lengths) != len(columns[name]):
        raise ValueError(f'{name} does not have the length that {name}_lengths says')
    whole = columns[name].astype(np.uint8).tobytes()
    ends = np.cumsum([0, *lengths]).tolist()
    return [whole[start:end] for start, end in pairwise(ends)]
