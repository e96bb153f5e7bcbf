"""Matching at IoU 0.5 and AP in plain loops, for the references of the diagnosis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pycocotools.mask as mask_utils


def clean_case(gt: dict[str, Any], records: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Leave out what is to be ignored and what has no area, and let no two scores be equal."""
    annotations = [ann for ann in gt['annotations'] if ann['area'] > 0 and not ann.get('ignore')]
    found = [{**r, 'score': r['score'] + 1e-7 * n} for n, r in enumerate(records) if r['bbox'][2] * r['bbox'][3] > 0]
    return {**gt, 'annotations': annotations}, found


def box_iou(a: dict[str, Any], b: dict[str, Any]) -> float:
    return float(mask_utils.iou(np.array([a['bbox']], float), np.array([b['bbox']], float), [0])[0, 0])


def match(gt: dict[str, Any], records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Return the detections that count, best first, each with `truth`, the annotation it is matched with or None.

    And annotation id -> detection. Detections of pairs the image tells nothing of, and unmatched ones of pairs that
    are not exhaustive, are left out.
    """
    images = {image['id']: image for image in gt['images']}
    counted, partner = [], {}
    for record in sorted(records, key=lambda record: -record['score']):
        there = [a for a in gt['annotations'] if a['image_id'] == record['image_id']]
        own = [a for a in there if a['category_id'] == record['category_id']]
        if not own and record['category_id'] not in images[record['image_id']]['neg_category_ids']:
            continue
        free = [a for a in own if a['id'] not in partner and box_iou(record, a) >= 0.5]
        truth = max(free, key=lambda a: (box_iou(record, a), a['id']), default=None)
        if truth is not None:
            partner[truth['id']] = record
        elif record['category_id'] in images[record['image_id']]['not_exhaustive_category_ids']:
            continue
        counted.append({**record, 'truth': truth, 'there': there})
    return counted, partner


def average_precision(hits: list[bool], num_objects: int) -> float:
    """AP at 101 recalls of detections, best first; NaN where there is nothing to find."""
    if not num_objects:
        return float('nan')
    points, tp = [], 0
    for rank, hit in enumerate(hits, start=1):
        tp += hit
        points.append((tp / num_objects, tp / rank))
    return float(np.mean([max((p for r, p in points if r >= want), default=0.0) for want in np.linspace(0, 1, 101)]))
