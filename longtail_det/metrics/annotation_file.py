"""Reading the ground truth that a metric scores against, with errors that name the file and the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mmengine import fileio

_ANNOTATION_KEYS = ('id', 'image_id', 'category_id', 'bbox', 'area')


def load_ground_truth(
    ann_file: str, metrics: Sequence[str] = ('bbox',), backend_args: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Read an LVIS or COCO annotation file and check that it holds what scoring needs.

    Args:
        ann_file: path or URI of the json.
        metrics: 'bbox', 'segm' or both; none for a test split without annotations, which nothing is scored against.
        backend_args: mmengine's file backend, where the file is not on a local disk.

    Returns:
        The json as it is.

    Raises:
        FileNotFoundError: nothing at `ann_file`.
        ValueError: not json, no annotation file, or a record that lacks a field.
    """
    if not fileio.exists(ann_file, backend_args=backend_args):
        raise FileNotFoundError(f'annotation file not found: {ann_file}; set val_evaluator.ann_file')
    try:
        gt = json.loads(fileio.get_text(ann_file, backend_args=backend_args))
    except ValueError as error:
        raise ValueError(f'{ann_file} is not valid json ({error}); was it cut short while being copied?') from None
    needed = ['images', 'categories'] + (['annotations'] if metrics else [])
    missing = [key for key in needed if key not in gt] if isinstance(gt, dict) else needed
    if missing:
        raise ValueError(
            f'{ann_file} has no {missing[-1]!r}; expected an LVIS or COCO annotation file with the keys {needed} '
            '(a test split without annotations can be written out with format_only=True)'
        )
    fields = (*_ANNOTATION_KEYS, 'segmentation') if 'segm' in metrics else _ANNOTATION_KEYS
    for annotation in gt['annotations'] if metrics else ():
        for field in fields:
            if field not in annotation:
                raise ValueError(
                    f'{ann_file}: annotation {annotation.get("id")} has no {field!r}; needed for {metrics}'
                )
    return gt
