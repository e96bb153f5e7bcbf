"""Detections written to results files while a test runs, so that none of them stays in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from .predictions import Prediction

_USERS = {'bbox': {'bbox'}, 'segm': {'segm', 'boundary'}}


class ResultFiles:
    """The standard results files `PREFIX.bbox.json` and `PREFIX.segm.json`, written by all ranks.

    Each rank writes a line per image to a part of its own; the main one joins the parts.

    Args:
        prefix: path of the files without `.bbox.json`, on a disk that all ranks share.
        metrics: of 'bbox', 'segm' and 'boundary', which is scored from the file of 'segm'.
        rank: of this process.
    """

    def __init__(self, prefix: str, metrics: Sequence[str], rank: int) -> None:
        self.prefix = prefix
        self.kinds = [kind for kind, users in _USERS.items() if not users.isdisjoint(metrics)]
        self._rank = rank
        self._parts: dict[str, TextIO] = {}

    def add(self, found: Prediction, category_ids: NDArray[np.int64], masks: Mapping[int, Any]) -> None:
        """Write the detections of one image.

        Args:
            found: the detections.
            category_ids: (n,) int64.
            masks: RLE of each of them, where masks are written.
        """
        for kind in self.kinds:
            if kind == 'bbox':
                scores, key, shapes = found.scores, 'bbox', found.boxes.tolist()
            else:
                scores, key = found.mask_scores, 'segmentation'
                shapes = [_for_json(masks[row]) for row in range(len(category_ids))]
            records = [
                {'image_id': found.img_id, 'category_id': category_id, 'score': score, key: shape}
                for category_id, score, shape in zip(category_ids.tolist(), scores.tolist(), shapes, strict=True)
            ]
            line = ', '.join(json.dumps(record) for record in records)
            self._part_file(kind).write(f'{found.img_id}\t{line}\n')

    def close(self) -> None:
        """Finish the parts of this rank."""
        for part in self._parts.values():
            part.close()
        self._parts.clear()

    def join(self, num_ranks: int) -> dict[str, tuple[str, int]]:
        """Join the parts of all ranks and delete them; of an image that is there twice the first counts.

        Args:
            num_ranks: how many processes wrote.

        Returns:
            Per kind the path of the file and its number of images.
        """
        written = {}
        for kind in self.kinds:
            path = Path(f'{self.prefix}.{kind}.json')
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open('w') as file:
                seen = self._join_parts(kind, num_ranks, file)
            written[kind] = str(path), len(seen)
        return written

    def _join_parts(self, kind: str, num_ranks: int, file: TextIO) -> set[str]:
        seen: set[str] = set()
        separator = ''
        file.write('[')
        for rank in range(num_ranks):
            part = self._part(kind, rank)
            if not part.is_file():
                continue  # this rank was given no image
            with part.open() as lines:
                for line in lines:
                    img_id, _, records = line.rstrip('\n').partition('\t')
                    if img_id not in seen and records:
                        file.write(f'{separator}{records}')
                        separator = ',\n'
                    seen.add(img_id)
            part.unlink()
        file.write(']\n')
        return seen

    def _part_file(self, kind: str) -> TextIO:
        if kind not in self._parts:
            Path(self.prefix).parent.mkdir(parents=True, exist_ok=True)
            self._parts[kind] = self._part(kind, self._rank).open('w')
        return self._parts[kind]

    def _part(self, kind: str, rank: int) -> Path:
        return Path(f'{self.prefix}.{kind}.rank{rank}.part')


def _for_json(rle: Mapping[str, Any]) -> dict[str, Any]:
    counts = rle['counts']
    return {'size': list(rle['size']), 'counts': counts.decode() if isinstance(counts, bytes) else counts}
