"""A results json that all ranks write while a test runs, so that nothing of it stays in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, TextIO

from longtail_det.files import replacing


class RankedJson:
    """A json list of records. Each rank writes a line per image to a part of its own; the main one joins the parts.

    Args:
        path: the file, on a disk that all ranks share; folders on the way are made.
        rank: of this process.
    """

    def __init__(self, path: str | Path, rank: int) -> None:
        self.path = Path(path)
        self._rank = rank
        self._part: TextIO | None = None

    def add(self, img_id: int, records: Iterable[Mapping[str, Any]]) -> None:
        """Write the records of one image.

        Args:
            img_id: id of the image.
            records: what json can hold.
        """
        if self._part is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._part = self._part_path(self._rank).open('w')
        self._part.write(f'{img_id}\t{", ".join(map(json.dumps, records))}\n')

    def close(self) -> None:
        """Finish the part of this rank."""
        if self._part is not None:
            self._part.close()
            self._part = None

    def join(self, num_ranks: int) -> int:
        """Join the parts of all ranks, which are closed, and delete them; gives the number of images.

        Args:
            num_ranks: how many processes wrote; of an image that is there twice the first counts.
        """
        seen: set[str] = set()
        separator = ''
        # a rank that was given no image has no part
        parts = [part for part in map(self._part_path, range(num_ranks)) if part.is_file()]
        with replacing(self.path) as whole, ExitStack() as stack, whole.open('w') as file:
            lines = [stack.enter_context(part.open()) for part in parts]
            file.write('[')
            # images by turns, as the sampler dealt them out: the order that one process gives
            for line in chain.from_iterable(zip_longest(*lines, fillvalue='')):
                img_id, _, records = line.rstrip('\n').partition('\t')
                if records and img_id not in seen:
                    file.write(f'{separator}{records}')
                    separator = ',\n'
                if img_id:
                    seen.add(img_id)
            file.write(']\n')
        for part in parts:
            part.unlink()
        return len(seen)

    def _part_path(self, rank: int) -> Path:
        return self.path.with_name(f'{self.path.name}.rank{rank}.part')
