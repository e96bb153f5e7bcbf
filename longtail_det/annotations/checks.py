"""Find the bad records of an annotation file and name each: the file, the record's id, what is wrong."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .table import AnnotationTable, ImageTable, find_rows

NUM_EXAMPLES = 5
ON_BAD = ('error', 'skip')


class BadRecords:
    """What is wrong with a file, collected until everything has been looked at.

    Args:
        path: the file, as the message names it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, kind: str, example: str) -> None:
        """Note one bad record: its kind, a plural, and the sentence that names it."""
        self.counts[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < NUM_EXAMPLES:
            examples.append(example)

    def add_rows(self, kind: str, bad: NDArray[np.bool_], describe: Callable[[int], str]) -> NDArray[np.bool_]:
        """Note the bad rows of a table, of which only the first few are put into words.

        Args:
            kind: plural noun of the kind.
            bad: (rows,) bool.
            describe: row number -> sentence.

        Returns:
            (rows,) bool, the good rows.
        """
        rows = np.flatnonzero(bad)
        if rows.size:
            self.counts[kind] += rows.size
            examples = self.examples.setdefault(kind, [])
            examples += [describe(int(row)) for row in rows[: NUM_EXAMPLES - len(examples)]]
        return ~bad

    def refuse(self, advice: str = 'Repair the file') -> None:
        """Raise what was found; nothing where all is well.

        Args:
            advice: what to do, the end of the message.

        Raises:
            ValueError: there are bad records; the first few of all are named.
        """
        if self.counts:
            total = sum(self.counts.values())
            shown = [example for examples in self.examples.values() for example in examples][:NUM_EXAMPLES]
            more = f'; and {total - len(shown)} more' if total > len(shown) else ''
            raise ValueError(
                f'{self.path}: {total} bad record{"s" if total > 1 else ""}: {"; ".join(shown)}{more}. {advice}'
            )

    def settle(self, on_bad: str) -> None:
        """Raise or log what was found; nothing where all is well.

        Args:
            on_bad: 'error' raises the first few of all, 'skip' logs one line per kind.

        Raises:
            ValueError: there are bad records and `on_bad` is 'error'.
        """
        if on_bad == 'error':
            self.refuse("Repair the file, or go on without them by on_bad='skip'")
        for kind, count in self.counts.items():
            logging.getLogger(__name__).warning(
                f'{self.path}: left out {count} {kind}, for example {self.examples[kind][0]}'
            )


def keep_good_categories(categories: Iterable[Any], bad: BadRecords) -> list[Mapping[str, Any]]:
    """Sort the categories by id and leave out those that nothing can refer to.

    Args:
        categories: records with `id` and `name`.
        bad: takes note of what is left out.

    Returns:
        Records of unique ids, ascending: the class order of the model.
    """
    good: dict[int, Mapping[str, Any]] = {}
    for position, record in enumerate(categories):
        if not isinstance(record, Mapping) or not {'id', 'name'} <= record.keys():
            bad.add('malformed categories', f'categories[{position}] has no id and name')
        elif not isinstance(record['id'], (int, np.integer)) or not isinstance(record['name'], str):
            bad.add('malformed categories', f'categories[{position}] has no integer id and text name')
        elif record['id'] in good:
            bad.add('categories with a repeated id', f'category id {record["id"]} is used twice')
        else:
            good[int(record['id'])] = record
    return [good[category_id] for category_id in sorted(good)]


def keep_good_images(table: ImageTable, bad: BadRecords) -> ImageTable:
    """Leave out images without a size, and all but the first image of an id.

    Args:
        table: images as read.
        bad: takes note of what is left out.
    """
    table = table.select(
        bad.add_rows(
            'images without a size',
            table.sizes.min(axis=1) <= 0,
            lambda row: f'image {table.ids[row]}: its size is {_width_x_height(table.sizes[row])}',
        )
    )
    return keep_unique_images(table, bad)


def keep_unique_images(table: ImageTable, bad: BadRecords) -> ImageTable:
    """Leave out all but the first image of an id.

    Args:
        table: images as read.
        bad: takes note of what is left out.
    """
    return table.select(
        bad.add_rows(
            'images with a repeated id',
            _repeated(table.ids),
            lambda row: f'image id {table.ids[row]} is used twice',
        )
    )


def keep_good_annotations(
    table: AnnotationTable, images: ImageTable, category_ids: NDArray[np.int64], bad: BadRecords
) -> AnnotationTable:
    """Leave out annotations that contradict themselves or the rest of the file.

    Args:
        table: annotations as read.
        images: the good images, at least one.
        category_ids: (C,) int64, the good categories.
        bad: takes note of what is left out, once per annotation.

    Returns:
        Annotations of unique ids, each of a known category, with a box that meets its known image.
    """
    rows = find_rows(table.image_ids, images.ids)
    sizes = images.sizes[rows]
    faults: list[tuple[str, NDArray[np.bool_], Callable[[int], str]]] = [
        (
            'annotations with a repeated id',
            _repeated(table.ids),
            lambda row: 'its id is used twice',
        ),
        (
            'annotations of an unknown category',
            find_rows(table.category_ids, category_ids) < 0,
            lambda row: f'category_id {table.category_ids[row]} is none of the {len(category_ids)} categories',
        ),
        (
            'annotations of an unknown image',
            rows < 0,
            lambda row: f'image_id {table.image_ids[row]} is none of the {len(images)} images',
        ),
        (
            'boxes of a negative or non-finite size',
            _without_size(table.boxes),
            lambda row: f'bbox {table.boxes[row].tolist()} is not x, y, width >= 0, height >= 0',
        ),
        (
            'annotations without a finite area',
            ~np.isfinite(table.areas),
            lambda row: f'area {table.areas[row]} is no number of square pixels',
        ),
        (
            'boxes outside their image',
            _outside(table, sizes),
            lambda row: f'bbox {table.boxes[row].tolist()} does not meet its image of {_width_x_height(sizes[row])}',
        ),
        (
            'RLE masks of another size than their image',
            table.has_rle & (table.rle_sizes != sizes).any(axis=1),
            lambda row: f'RLE of {_width_x_height(table.rle_sizes[row])} on an image of {_width_x_height(sizes[row])}',
        ),
    ]
    good = np.ones(len(table), dtype=bool)
    for kind, wrong, sentence in faults:
        good &= bad.add_rows(kind, wrong & good, partial(_name_annotation, table, sentence))
    return table.select(good)


def _name_annotation(table: AnnotationTable, sentence: Callable[[int], str], row: int) -> str:
    return f'annotation {table.ids[row]}: {sentence(row)}'


def _without_size(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_finite = np.isfinite(np.abs(boxes).sum(axis=1))
    return ~(is_finite & (boxes[:, 2:].min(axis=1) >= 0))


def _outside(table: AnnotationTable, sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(A,) bool, a box that holds no pixel of its image; `ignore`d and tiny ones are never trained on, so may be."""
    low, high = table.boxes[:, :2], table.boxes[:, :2] + table.boxes[:, 2:]
    inside = (np.minimum(high, sizes[:, ::-1]) > np.maximum(low, 0)).all(axis=1)
    return ~inside & ~table.ignore & ~table.tiny


def _width_x_height(size: NDArray[np.int64]) -> str:
    return f'{size[1]}x{size[0]}'


def _repeated(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(rows,) bool, all but the first row of each id."""
    repeated = np.ones(len(ids), dtype=bool)
    repeated[np.unique(ids, return_index=True)[1]] = False
    return repeated
