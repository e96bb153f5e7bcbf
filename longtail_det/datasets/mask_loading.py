"""Check before training that the pipeline can load every mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from longtail_det.annotations import AnnotationTable, BadRecords, Role, assign_roles

from .mixing import flatten


def keep_loadable_masks(
    annotations: AnnotationTable, class_ids: Sequence[int], transforms: Iterable[Any], bad: BadRecords
) -> AnnotationTable:
    """Leave out the annotations that a pipeline cannot load.

    mmdet's LoadAnnotations fails on a box without a mask, and with `poly2mask=False` it turns every instance whose
    mask is an RLE into an ignored one without a word: training then converges to a loss of zero.

    Args:
        annotations: any.
        class_ids: category ids of the classes; other annotations are none of the pipeline's business.
        transforms: the pipeline.
        bad: takes note of annotations without a mask that the pipeline wants one of.

    Returns:
        The annotations with a mask; all of them where the pipeline loads no masks.

    Raises:
        ValueError: there are RLE masks of instances and the pipeline would drop them.
    """
    loaders = [transform for transform in flatten(transforms) if getattr(transform, 'with_mask', False)]
    if not loaders:
        return annotations
    roles = np.where(np.isin(annotations.category_ids, class_ids), assign_roles(annotations), Role.IGNORED)
    lost = np.flatnonzero(annotations.has_rle & (roles == Role.INSTANCE))
    if lost.size and not all(getattr(loader, 'poly2mask', True) for loader in loaders):
        raise ValueError(
            f'{bad.path}: {lost.size} instances have RLE masks (first: annotation {annotations.ids[lost[0]]}), which '
            'LoadAnnotations(poly2mask=False) drops; set poly2mask=True in the pipeline'
        )
    good = bad.add_rows(
        'annotations without a mask',
        ~annotations.has_mask & (roles <= Role.CROWD),
        lambda row: f'annotation {annotations.ids[row]}: no segmentation, but the pipeline has with_mask=True',
    )
    return annotations.select(good)
