"""Ids of images and categories for a results json, so that predictions on images of a dataset can be scored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from longtail_det.annotations import BadRecords, read_categories
from longtail_det.reports import DataSource
from longtail_det.reports.run_predictions import read_image_paths


@dataclass
class ImageNumbers:
    """Ids of categories, and of images as they come.

    Args:
        category_ids: of each label.
        known: id of each image of a dataset by its resolved path.
        source: where they are from, for the user.
    """

    category_ids: Sequence[int]
    known: Mapping[str, int]
    source: str
    _next: int = field(init=False)

    def __post_init__(self) -> None:
        self._next = max(self.known.values(), default=0) + 1

    def of_image(self, path: Path, *, is_frame: bool = False) -> int:
        """Return the id of an image: that of the dataset, else a new one.

        Args:
            path: its file.
            is_frame: whether it is one of the frames in that file.
        """
        found = None if is_frame else self.known.get(os.path.realpath(path))
        if found is None:
            found, self._next = self._next, self._next + 1
        return found


def read_numbers(data: DataSource | None, classes: Sequence[str]) -> ImageNumbers:
    """Return the ids of a dataset where its file is there and has the classes, else numbers that count from 1.

    Args:
        data: the tested data of a config; None where it names none.
        classes: names in the order of the labels.
    """
    if data is None or not Path(data.ann_file).is_file():
        missing = 'the config names no test set' if data is None else f'no {data.ann_file}'
        return ImageNumbers(range(1, len(classes) + 1), {}, f'counted from 1 ({missing})')
    ids = {str(each['name']): each['id'] for each in read_categories(data.ann_file, BadRecords(data.ann_file))}
    if any(name not in ids for name in classes):
        return ImageNumbers(
            range(1, len(classes) + 1), {}, f'counted from 1 ({data.ann_file} lacks classes of the model)'
        )
    paths = read_image_paths(data.ann_file, data.img_folder)
    known = {os.path.realpath(path): img_id for img_id, path in paths.items()}
    return ImageNumbers([ids[name] for name in classes], known, f'those of {data.ann_file}')
