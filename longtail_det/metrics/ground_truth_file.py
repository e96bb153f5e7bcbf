"""An annotation file -> `GroundTruth`, the polygons left on the disk until their image is scored."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, overload

from mmengine import fileio

from longtail_det.annotations.json_file import JsonFile
from longtail_det.evaluation.lvis import GroundTruth, ground_truth_from_columns, image_columns, object_columns


class SegmentationsOnDisk(Sequence[Any]):
    """The `segmentation` of each annotation of a file, read when it is asked for.

    Args:
        file: the annotation file, opened for bytes; stays open.
        spans: first byte and the byte behind the last one of each annotation, one after the other.
    """

    def __init__(self, file: BinaryIO, spans: array[int]) -> None:
        self._file = file
        self._spans = spans

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
            raise ValueError(
                f'{getattr(self._file, "name", "the annotation file")} was changed since the evaluator opened it; '
                'start again'
            ) from None


def read_ground_truth(
    ann_file: str, metrics: Sequence[str] = ('bbox',), backend_args: dict[str, Any] | None = None
) -> GroundTruth:
    """Read an LVIS or COCO annotation file; that of LVIS v1 val takes 40 MB of memory.

    Args:
        ann_file: path or URI of the json; must stay as it is while masks are scored.
        metrics: 'bbox', 'segm', 'boundary'; none for a test split without annotations.
        backend_args: mmengine's file backend, where the file is not on a local disk.

    Raises:
        FileNotFoundError: nothing at `ann_file`.
        ValueError: not json, no annotation file, or a record that lacks a field.
    """
    if not fileio.exists(ann_file, backend_args=backend_args):
        raise FileNotFoundError(f'annotation file not found: {ann_file}; set val_evaluator.ann_file')
    try:
        return _read(_open(ann_file, backend_args), metrics)
    except json.JSONDecodeError as error:
        raise ValueError(f'{ann_file} is not valid json ({error.msg}); was it cut short while being copied?') from None
    except ValueError as error:
        raise ValueError(f'{ann_file}: {error}') from None


def _open(ann_file: str, backend_args: dict[str, Any] | None) -> BinaryIO:
    with fileio.get_local_path(ann_file, backend_args=backend_args) as path:
        if os.path.realpath(path) == os.path.realpath(ann_file):
            return open(path, 'rb')
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        with open(path, 'rb') as fetched:
            shutil.copyfileobj(fetched, copy)
        copy.seek(0)
        return copy


def _read(file: BinaryIO, metrics: Sequence[str]) -> GroundTruth:
    needs_masks = not {'segm', 'boundary'}.isdisjoint(metrics)
    stream, spans = JsonFile(file), array('q')
    tables: dict[str, Any] = {}
    if stream.at('{'):
        for key in stream.members():
            if key in ('images', 'categories', 'annotations') and stream.at('['):
                if key == 'images':
                    tables[key] = image_columns(stream.items())
                elif key == 'categories':
                    tables[key] = list(stream.items())
                elif metrics:
                    tables[key] = object_columns(_noting_spans(stream, spans), needs_masks)
                else:
                    stream.skip()
            else:
                stream.skip()
    needed = ['images', 'categories', *['annotations'] * bool(metrics)]
    missing = [key for key in needed if key not in tables]
    if missing:
        raise ValueError(
            f'has no {missing[-1]!r}; expected an LVIS or COCO annotation file with the keys {needed} '
            '(a test split without annotations can be written out with format_only=True)'
        )
    objects = tables['annotations'] if metrics else object_columns([], needs_masks=False)
    segmentations: Sequence[Any] = SegmentationsOnDisk(file, spans) if needs_masks else ()
    if not needs_masks:
        file.close()
    return ground_truth_from_columns(tables['images'], objects, tables['categories'], segmentations)


def _noting_spans(stream: JsonFile, spans: array[int]) -> Iterator[Any]:
    for record in stream.items():
        spans.extend(stream.span)
        yield record


def missing_fields(gt: GroundTruth) -> Iterator[str]:
    """Say in one line each what an annotation file does not tell, and what follows from it.

    Args:
        gt: the objects of the file.
    """
    if not gt.federated:
        yield 'annotation file without neg_category_ids: every class that an image does not show is negative'
    if gt.groups is None:
        yield (
            'annotation file without frequency or image_count of the training set: no APr, APc, APf; '
            'val_evaluator.class_statistics can give the counts'
        )
