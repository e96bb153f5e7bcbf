"""An annotation file -> `GroundTruth`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from longtail_det.annotations import ON_BAD, open_store, read_columns
from longtail_det.checks import one_of

from .lvis.ground_truth import GroundTruth
from .lvis.ground_truth_columns import ground_truth_from_columns


def read_ground_truth(
    path: str | Path,
    metrics: Sequence[str] = ('bbox',),
    *,
    name: str | None = None,
    store: bool = False,
    on_bad: str = 'error',
) -> GroundTruth:
    """Read an LVIS or COCO annotation file.

    Args:
        path: json file on this machine.
        metrics: of 'bbox', 'segm' and 'boundary'; none for a test split without annotations.
        name: the file, as messages name it; `path` where None.
        store: map the file's columns from its store, which is built where there is none; without it they are in
            memory. Masks are read from the columns one by one.
        on_bad: 'error' refuses a file with bad records (docs/annotations.md), 'skip' scores without them and logs how
            many they are.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, no annotation file, or a bad record.
    """
    one_of('on_bad', on_bad, ON_BAD)
    name = str(path) if name is None else name
    columns = open_store(path, name) if store else read_columns(path, name)
    return ground_truth_from_columns(columns, name, metrics, on_bad)
