"""The pipeline of an image, with what its file holds compared with its annotation."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from mmcv.transforms import LoadImageFromFile

from longtail_det.checks import InputError

#: what a file starts with -> what a whole one has near its end; OpenCV paints the rest of a JPEG that was cut grey
_ENDS = {b'\xff\xd8': b'\xff\xd9', b'\x89P': b'IEND'}
_TAIL = 16


def run_pipeline(transforms: Iterable[Any], data: dict[str, Any]) -> Any:
    """Run transforms one after the other, and check the image that is loaded.

    Args:
        transforms: of a pipeline.
        data: of an image: `img_path`, `height`, `width`, ...

    Returns:
        What the last transform returns; None where one of them gives the image up.

    Raises:
        InputError: the image file cannot be read, was cut short, or has another size than its annotation says.
    """
    result: Any = data
    for transform in transforms:
        result = _load_image(transform, result) if isinstance(transform, LoadImageFromFile) else transform(result)
        if result is None:
            return None
    return result


def _load_image(transform: LoadImageFromFile, data: dict[str, Any]) -> Any:
    path, size = data['img_path'], (data.get('height'), data.get('width'))
    try:
        loaded = transform(data)
    except Exception as error:
        raise InputError(
            f'{path} cannot be loaded as an image: {_reason(path, error)}; fetch the file again'
        ) from error
    if loaded is None:
        return None
    found = tuple(loaded['ori_shape'])
    if None not in size and found != size:
        raise InputError(
            f'{path} has {found[1]}x{found[0]} pixels, expected the {size[1]}x{size[0]} of its annotation; it is '
            'another image, or was resized or rotated'
        )
    if os.path.isfile(path) and _is_cut_short(path):
        raise InputError(f'{path} was cut short, so that a part of the image is missing; fetch the file again')
    return loaded


def _reason(path: str, error: Exception) -> str:
    if os.path.isfile(path) and not os.path.getsize(path):
        return 'the file is empty'
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # OpenCV names itself, and mmcv the path again
    return 'no decoder knows its format, or it was cut short'


def _is_cut_short(path: str) -> bool:
    with open(path, 'rb') as file:
        mark = _ENDS.get(file.read(2))
        if mark is None:
            return False
        file.seek(-min(_TAIL, os.path.getsize(path)), os.SEEK_END)
        if mark in file.read():
            return False
        file.seek(0)
        return mark not in file.read()  # other data may follow the image
