"""Tables of annotations -> the instance dicts that mmdet's transforms read."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from longtail_det.annotations import AnnotationTable, LabelIndex, PackedMask, Role


def build_instances(annotations: AnnotationTable, index: LabelIndex) -> list[list[dict[str, Any]]]:
    """Give the instances and crowd regions of every image.

    Args:
        annotations: sorted by image.
        index: labels and roles of the same annotations.

    Returns:
        For each image a list of dicts: `bbox` (x1, y1, x2, y2, pixels), `bbox_label`, `ignore_flag` (1 for a crowd
        region) and, where the annotation has one, `mask`.
    """
    boxes = annotations.boxes
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    boxed = index.roles <= Role.CROWD
    columns = zip(
        corners[boxed].tolist(),
        index.labels[boxed].tolist(),
        (index.roles[boxed] == Role.CROWD).astype(int).tolist(),
        annotations.masks[boxed],
        strict=True,
    )
    instances = [
        {'bbox': bbox, 'bbox_label': label, 'ignore_flag': crowd, **({'mask': PackedMask(mask)} if mask else {})}
        for bbox, label, crowd, mask in columns
    ]
    offsets = np.concatenate([[0], np.cumsum(boxed)])[index.offsets].tolist()
    return [instances[start:stop] for start, stop in pairwise(offsets)]
