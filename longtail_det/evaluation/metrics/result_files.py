"""Detections written to results files while a test runs, so that none of them stays in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO


class ResultFiles:
    """The standard results files `PREFIX.bbox.json` and `PREFIX.segm.json`, written by all ranks.

    Each rank writes a line per image to a part of its own; the main one joins the parts.

    Args:
        prefix: path of the files without `.bbox.json`, on a disk that all ranks share.
        metrics: of 'bbox' and 'segm'.
        rank: of this process.
    """

    def __init__(self, prefix: str, metrics: Sequence[str], rank: int) -> None:
        self.prefix = prefix
        self.metrics = tuple(metrics)
        self._rank = rank
        self._parts: dict[str, TextIO] = {}

    def add(self, metric: str, img_id: int, records: Sequence[Mapping[str, Any]]) -> None:
        """Write the records of one image.

        Args:
            metric: which file.
            img_id: id of the image, written though it has no detection.
            records: its result records.
        """
        if metric not in self._parts:
            Path(self.prefix).parent.mkdir(parents=True, exist_ok=True)
            self._parts[metric] = self._part(metric, self._rank).open('w')
        line = ', '.join(json.dumps(record) for record in records)
        self._parts[metric].write(f'{img_id}\t{line}\n')

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
            Per metric the path of the file and its number of images.
        """
        written = {}
        for metric in self.metrics:
            path = Path(f'{self.prefix}.{metric}.json')
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open('w') as file:
                seen = self._join_parts(metric, num_ranks, file)
            written[metric] = str(path), len(seen)
        return written

    def _join_parts(self, metric: str, num_ranks: int, file: TextIO) -> set[str]:
        seen: set[str] = set()
        separator = ''
        file.write('[')
        for rank in range(num_ranks):
            part = self._part(metric, rank)
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

    def _part(self, metric: str, rank: int) -> Path:
        return Path(f'{self.prefix}.{metric}.rank{rank}.part')
