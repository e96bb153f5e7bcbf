"""Columns of an annotation file -> the dicts that mmdet's transforms read."""

from __future__ import annotations

import os.path as osp
from collections.abc import Mapping
from typing import Any

import numpy as np

from longtail_det.annotations import AnnotationColumns, LabelIndex, Role


def build_info(
    columns: AnnotationColumns, index: LabelIndex, image: int, folders: Mapping[str, str], seg_map_suffix: str
) -> dict[str, Any]:
    """Build what is known of one image, from new objects that the caller may change.

    Args:
        columns: of the annotation file.
        index: labels, roles and rows of its annotations.
        image: position in the index.
        folders: `img`, of the images, and maybe `seg`, of the semantic maps.
        seg_map_suffix: ends the file name of a semantic map.

    Returns:
        `img_id`, `img_path`, `seg_map_path`, `height`, `width`, and `instances`, a list of dicts of `bbox` (x1, y1,
        x2, y2, pixels), `bbox_label`, `ignore_flag` (1 for a crowd region) and, where the annotation has one,
        `mask`: a list of polygons, or an RLE.
    """
    row = int(index.image_rows[image])
    name = str(columns.images.names[row])
    height, width = columns.images.sizes[row].tolist()
    seg = folders.get('seg')
    return {
        'img_id': int(columns.images.ids[row]),
        'img_path': osp.join(folders['img'], name),
        'seg_map_path': osp.join(seg, osp.splitext(name)[0] + seg_map_suffix) if seg else None,
        'height': height,
        'width': width,
        'instances': _build_instances(columns, index, image),
    }


def _build_instances(columns: AnnotationColumns, index: LabelIndex, image: int) -> list[dict[str, Any]]:
    span = slice(index.offsets[image], index.offsets[image + 1])
    boxed = index.roles[span] <= Role.CROWD
    rows = index.rows[span][boxed]
    boxes = columns.annotations.boxes[rows]
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    instances: list[dict[str, Any]] = []
    for row, bbox, label, role in zip(
        rows.tolist(),
        corners.tolist(),
        index.labels[span][boxed].tolist(),
        index.roles[span][boxed].tolist(),
        strict=True,
    ):
        instance = {'bbox': bbox, 'bbox_label': label, 'ignore_flag': int(role == Role.CROWD)}
        mask = columns.mask(row)
        instances.append(instance if mask is None else {**instance, 'mask': mask})
    return instances
