"""Whether the image files of an annotation file are there."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.fileio import exists

from longtail_det.annotations import BadRecords, ImageTable


def keep_images_on_disk(
    images: ImageTable,
    paths: Sequence[str],
    bad: BadRecords,
    hint: str,
    backend_args: dict[str, Any] | None = None,
    *,
    check_all: bool = False,
) -> ImageTable:
    """Look for the image files; without `check_all` for the first alone, since a wrong folder is the usual mistake.

    Args:
        images: of an annotation file, at least one.
        paths: file of each of them.
        bad: takes note of images whose file is missing.
        hint: where to look, for messages.
        backend_args: mmengine's file backend, where the images are not on a local disk.
        check_all: whether to look for every file.

    Returns:
        The images whose file is there; all of them without `check_all`.

    Raises:
        FileNotFoundError: the first file is missing, with `check_all` all of them.
    """
    if check_all:
        missing = np.array([not exists(path, backend_args=backend_args) for path in paths])
        if missing.all():
            raise FileNotFoundError(f'none of {len(paths)} image files found, as {paths[0]}, {hint}')
        kind = 'images whose file is missing'
        return images.select(bad.add_rows(kind, missing, lambda row: f'image file not found: {paths[row]}'))
    if backend_args is None and '://' not in paths[0] and not osp.exists(paths[0]):
        raise FileNotFoundError(
            f"image file not found: {paths[0]}, {hint}; if only some are missing: check_images=True, on_bad='skip'"
        )
    return images
