"""The CSV file of a study's classes: AP of each class in each entry, mean over the seeds."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.reports.report_tables import classes_csv

from .records import write_text

_COUNTED = ('category_id', 'name', 'group', 'train_images', 'objects')


def write_classes(path: Path, table: ClassTable) -> None:
    """Write the classes of a study.

    Args:
        path: the file.
        table: run names are those of the entries.
    """
    write_text(path, classes_csv(table))


def read_classes(path: Path) -> ClassTable | None:
    """Read the classes of a study back; None where there is no file.

    Args:
        path: the file.

    Raises:
        ValueError: a cell holds something else.
    """
    if not path.is_file():
        return None
    with path.open(newline='', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    try:
        ap: dict[str, dict[str, np.ndarray]] = {}
        for column in (name for name in rows[0] if name not in _COUNTED):
            run, _, metric = column.rpartition(' ')
            values = np.array([float(row[column] or 'nan') for row in rows])
            ap.setdefault(run, {})[metric.removesuffix('_AP')] = values
        return ClassTable(
            np.array([int(row['category_id']) for row in rows], dtype=np.int64),
            tuple(row['name'] for row in rows),
            np.array([row['group'] for row in rows]),
            np.array([int(row['train_images']) for row in rows], dtype=np.int64),
            np.array([int(row['objects']) for row in rows], dtype=np.int64),
            ap,
        )
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(f'{path}: {error}; longtail-det study writes this file, restore it') from None
