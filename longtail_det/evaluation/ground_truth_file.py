"""An annotation file -> `GroundTruth`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from longtail_det.annotations import AnnotationColumns, BadRecords, Segmentations, open_store, read_columns
from longtail_det.annotations.columns import require
from longtail_det.annotations.records import WRONG_LISTS

from .lvis.ground_truth import GroundTruth
from .lvis.ground_truth_columns import ground_truth_from_columns
from .lvis.parameters import needs_masks

#: what is wrong for lvis-api too; boxes outside their image and the like are scored as they are
_MALFORMED = frozenset(
    {
        'malformed images',
        WRONG_LISTS,
        'images with a repeated id',
        'malformed annotations',
        'malformed categories',
        'categories with a repeated id',
    }
)


def read_ground_truth(
    path: str | Path, metrics: Sequence[str] = ('bbox',), *, name: str | None = None, store: bool = False
) -> GroundTruth:
    """Read an LVIS or COCO annotation file.

    Args:
        path: json file on this machine.
        metrics: of 'bbox', 'segm' and 'boundary'; none for a test split without annotations.
        name: the file, as messages name it; `path` where None.
        store: map the file's columns from its store, which is built where there is none; without it they are in
            memory. Masks are read from the columns one by one.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, no annotation file, or a record that lacks a field.
    """
    name = str(path) if name is None else name
    wants_masks = needs_masks(metrics)
    columns = open_store(path, name) if store else read_columns(path, name, masks=wants_masks)
    _refuse_bad(columns, name, metrics)
    return ground_truth_from_columns(
        columns.images,
        columns.class_lists,
        columns.annotations if metrics else columns.annotations.select(np.arange(0)),
        columns.categories,
        Segmentations(columns) if wants_masks else (),
    )


def _refuse_bad(columns: AnnotationColumns, name: str, metrics: Sequence[str]) -> None:
    bad, table = BadRecords(name), columns.annotations
    bad.update(columns.bad, _MALFORMED)
    if metrics and not columns.has_annotations:
        require({}, ['annotations'], bad)
    require({'images': columns.images, 'categories': columns.categories}, (), bad)
    if needs_masks(metrics):
        kind = 'annotations without a mask'
        bad.add_rows(kind, ~table.says_mask, lambda row: f'annotation {table.ids[row]} has no segmentation')
    bad.refuse()
