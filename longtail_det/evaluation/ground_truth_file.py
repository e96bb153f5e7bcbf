"""An annotation file -> `GroundTruth`, the masks left on the disk until their image is scored."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from longtail_det.annotations import BadRecords
from longtail_det.annotations.checks import keep_good_categories
from longtail_det.annotations.file import read_arrays
from longtail_det.annotations.json_file import JsonFile
from longtail_det.annotations.records import tabulate_annotations

from .lvis.ground_truth import GroundTruth
from .lvis.ground_truth_columns import federated_images, ground_truth_from_columns
from .lvis.parameters import needs_masks


class SegmentationsOnDisk(Sequence[Any]):
    """The `segmentation` of each annotation of a file, read when it is asked for.

    Args:
        path: the annotation file; it stays open, also if it is deleted.
        spans: first byte and the byte behind the last one of each annotation, one after the other.
        name: the file, as messages name it.
    """

    def __init__(self, path: str | Path, spans: array[int], name: str) -> None:
        self._file = open(path, 'rb')  # noqa: SIM115
        self._spans = spans
        self._name = name

    def __len__(self) -> int:
        return len(self._spans) // 2

    @overload
    def __getitem__(self, row: int) -> Any: ...

    @overload
    def __getitem__(self, row: slice) -> list[Any]: ...

    def __getitem__(self, row: int | slice) -> Any:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        start, stop = self._spans[2 * row], self._spans[2 * row + 1]
        # not by a cursor, which processes share after a fork
        record = os.pread(self._file.fileno(), stop - start, start)
        try:
            return json.loads(record)['segmentation']
        except (ValueError, KeyError, TypeError):
            raise ValueError(f'{self._name} was changed since the evaluator opened it; start again') from None


def read_ground_truth(path: str | Path, metrics: Sequence[str] = ('bbox',), *, name: str | None = None) -> GroundTruth:
    """Read an LVIS or COCO annotation file; that of LVIS v1 val takes 40 MB of memory.

    Args:
        path: json file on this machine; its content must stay as it is while masks are scored.
        metrics: of 'bbox', 'segm' and 'boundary'; none for a test split without annotations.
        name: the file, as messages name it; `path` where None.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, no annotation file, or a record that lacks a field.
    """
    bad, spans = BadRecords(name or str(path)), array('q')
    masks = 'need' if needs_masks(metrics) else 'skip'

    def noting_spans(stream: JsonFile) -> Iterator[Any]:
        for record in stream.items():
            spans.extend(stream.span)
            yield record

    readers: dict[str, Callable[[JsonFile], Any]] = {
        'images': lambda stream: federated_images(stream.items(), bad),
        'categories': lambda stream: keep_good_categories(stream.items(), bad),
    }
    if metrics:
        readers['annotations'] = lambda stream: tabulate_annotations(noting_spans(stream), bad, masks)
    tables = read_arrays(path, bad, readers)
    bad.refuse()
    objects = tables.get('annotations', tabulate_annotations([], bad, masks))
    segmentations: Sequence[Any] = SegmentationsOnDisk(path, spans, bad.path) if masks == 'need' else ()
    return ground_truth_from_columns(tables['images'], objects, tables['categories'], segmentations)
