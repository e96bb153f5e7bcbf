"""Detections written to the standard results files while a test runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .predictions import Prediction
from .ranked_json import RankedJson

_USERS = {'bbox': {'bbox'}, 'segm': {'segm', 'boundary'}}


def check_format_only(format_only: bool, outfile_prefix: str | None, is_local: bool = True) -> None:
    """Raise where results files are asked for, but not where to write them, or they cannot be written there.

    Args:
        format_only: as given in the config.
        outfile_prefix: likewise.
        is_local: whether the prefix is one of this machine's disks.

    Raises:
        ValueError: `format_only` without `outfile_prefix`, or a prefix below something that is no folder.
    """
    if format_only and outfile_prefix is None:
        raise ValueError('format_only=True writes results files; say where with outfile_prefix=PATH/PREFIX')
    if outfile_prefix is None:
        return
    if not isinstance(outfile_prefix, str) or not outfile_prefix:
        raise ValueError(f'outfile_prefix={outfile_prefix!r}; expected a text PATH/PREFIX')
    if is_local:
        folder = next(each for each in Path(outfile_prefix).absolute().parents if os.path.lexists(each))
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            what = 'cannot be written to' if folder.is_dir() else 'is no folder'
            raise ValueError(f'outfile_prefix={outfile_prefix!r}: {folder} {what}; expected PATH/PREFIX in a folder')


class ResultFiles:
    """The standard results files `PREFIX.bbox.json` and `PREFIX.segm.json`, written by all ranks.

    Args:
        prefix: path of the files without `.bbox.json`, on a disk that all ranks share.
        metrics: of 'bbox', 'segm' and 'boundary', which is scored from the file of 'segm'.
        rank: of this process.
    """

    def __init__(self, prefix: str, metrics: Sequence[str], rank: int) -> None:
        self._files = {
            kind: RankedJson(f'{prefix}.{kind}.json', rank)
            for kind, users in _USERS.items()
            if not users.isdisjoint(metrics)
        }

    def add(self, found: Prediction, category_ids: NDArray[np.int64], masks: Mapping[int, Any]) -> None:
        """Write the detections of one image.

        Args:
            found: the detections.
            category_ids: (n,) int64.
            masks: RLE of each of them, where masks are written.
        """
        for kind, file in self._files.items():
            if kind == 'bbox':
                scores, key, shapes = found.scores, 'bbox', found.boxes.tolist()
            else:
                scores, key = found.mask_scores, 'segmentation'
                shapes = [rle_for_json(masks[row]) for row in range(len(category_ids))]
            columns = zip(category_ids.tolist(), scores.tolist(), shapes, strict=True)
            file.add(
                found.img_id,
                (
                    {'image_id': found.img_id, 'category_id': category_id, 'score': score, key: shape}
                    for category_id, score, shape in columns
                ),
            )

    def close(self) -> None:
        """Finish the parts of this rank."""
        for file in self._files.values():
            file.close()

    def join(self, num_ranks: int) -> dict[str, tuple[str, int]]:
        """Join the parts of all ranks.

        Args:
            num_ranks: how many processes wrote.

        Returns:
            Per kind the path of the file and its number of images.
        """
        return {kind: (str(file.path), file.join(num_ranks)) for kind, file in self._files.items()}


def rle_for_json(rle: Mapping[str, Any]) -> dict[str, Any]:
    """Return an RLE as json can hold it.

    Args:
        rle: with `size` and compressed `counts`, str or bytes.

    Example:
        >>> rle_for_json({'size': (2, 3), 'counts': b'6'})
        {'size': [2, 3], 'counts': '6'}
    """
    counts = rle['counts']
    return {'size': list(rle['size']), 'counts': counts.decode() if isinstance(counts, bytes) else counts}
