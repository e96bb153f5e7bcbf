"""Average precision as the lvis API computes it (Gupta et al., LVIS, CVPR 2019): plain records in, numbers out."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from longtail_det.annotations import category_groups
from longtail_det.compat.lvis_api import import_lvis

_GROUP_KEYS = ('APr', 'APc', 'APf')
_GEOMETRY = {'bbox': 'bbox', 'segm': 'segmentation'}


def evaluate_lvis_api(
    gt: Mapping[str, Any],
    records: Iterable[Mapping[str, Any]],
    metric: str,
    img_ids: Collection[int],
    *,
    category_ids: Collection[int] | None = None,
    classwise: bool = False,
) -> dict[str, float]:
    """Score detections with the lvis API, on the images and classes named and on no others; nothing given is modified.

    The federated rules of LVIS hold: a detection of a class that an image neither shows nor lists under
    `neg_category_ids` does not count, nor does an unmatched one of a class under `not_exhaustive_category_ids`.
    A file without these fields (COCO) is taken as complete: every class that an image does not show is negative.
    Crowd regions of such a file are ignored, not searched for. Per image the 300 highest-scoring detections count.

    Args:
        gt: LVIS or COCO annotations as read from json: `images`, `annotations`, `categories`.
        records: result records (`detection_records`), boxes as xywh in pixels, masks as RLE; those of other images
            than `img_ids` are left out.
        metric: 'bbox' or 'segm'.
        img_ids: the images the model was run on.
        category_ids: the classes to score; all of the file where None.
        classwise: also give the AP of every class.

    Returns:
        `AP`, `AP50`, `AP75`, `APs`, `APm`, `APl` (object area below 32^2, below 96^2, above), `APr`, `APc`, `APf`,
        `AR@300`, `ARs@300`, `ARm@300`, `ARl@300` in [0, 1] at full precision, -1 where there is no ground truth;
        no `APr`, `APc`, `APf` where the file says nothing of training frequency. With `classwise`, `AP/<name>` too.

    Raises:
        ValueError: `img_ids` names an image that `gt` does not hold.
    """
    scored = _scored_part(gt, frozenset(img_ids), category_ids)
    grouped = category_groups(gt['categories']) is not None
    evaluator = _evaluator(scored, records, metric)
    evaluator.run()
    results = {key: float(value) for key, value in evaluator.get_results().items() if grouped or key not in _GROUP_KEYS}
    if classwise:
        names = [category['name'] for category in scored['categories']]
        results.update(
            (f'AP/{name}', ap) for name, ap in zip(names, _class_ap(evaluator.eval['precision']), strict=True)
        )
    return results


def _scored_part(
    gt: Mapping[str, Any], img_ids: frozenset[int], category_ids: Collection[int] | None
) -> dict[str, Any]:
    """Copy what is scored, one level deep, with every field that the lvis API reads.

    Annotations are numbered anew: the API takes an id of 0 for "no match", and loses annotations that share one.
    """
    unknown = img_ids - {image['id'] for image in gt['images']}
    if unknown:
        raise ValueError(
            f'image id {min(unknown)} was predicted but is not among the {len(gt["images"])} images of the annotation '
            'file; val_evaluator.ann_file must be the file of the dataset'
        )
    kept = {category['id'] for category in gt['categories']} if category_ids is None else set(category_ids)
    groups = category_groups(gt['categories'])
    # the API knows no `iscrowd`: only in a file of COCO's it has a meaning
    crowd = 'iscrowd' if not any('neg_category_ids' in image for image in gt['images']) else 'ignore'
    categories = [
        {**category, 'frequency': 'f' if groups is None else str(groups[c])}
        for c, category in enumerate(gt['categories'])
    ]
    negatives = frozenset(kept)
    return {
        'images': [
            {
                **image,
                'neg_category_ids': frozenset(image.get('neg_category_ids', negatives)),
                'not_exhaustive_category_ids': frozenset(image.get('not_exhaustive_category_ids', ())),
            }
            for image in gt['images']
            if image['id'] in img_ids
        ],
        'annotations': [
            {'ignore': ann.get(crowd, 0), **ann, 'id': number}
            for number, ann in enumerate(gt['annotations'], start=1)
            if ann['image_id'] in img_ids and ann['category_id'] in kept
        ],
        'categories': sorted((c for c in categories if c['id'] in kept), key=lambda category: category['id']),
    }


def _evaluator(scored: dict[str, Any], records: Iterable[Mapping[str, Any]], metric: str) -> Any:
    """Build LVISEval from memory; LVISResults deep-copies what it is given, so it gets only an outline."""
    lvis_class, evaluator_class, results_class = import_lvis()
    keys = ('image_id', 'category_id', 'score', _GEOMETRY[metric])
    img_ids = {image['id'] for image in scored['images']}
    copies = [{key: record[key] for key in keys} for record in records if record['image_id'] in img_ids]
    outline = {
        'images': [{key: image[key] for key in ('id', 'height', 'width')} for image in scored['images']],
        'annotations': [],
        'categories': [{'id': category['id']} for category in scored['categories']],
    }
    # the constructor of LVISResults reads the first record, so it cannot be called without one
    found = results_class(_indexed(lvis_class, outline), copies) if copies else _indexed(results_class, outline)
    return evaluator_class(_indexed(lvis_class, scored), found, metric)


def _indexed(api_class: Any, dataset: dict[str, Any]) -> Any:
    api = api_class.__new__(api_class)
    api.logger = logging.getLogger('lvis')
    api.dataset = dataset
    api._create_index()
    return api


def _class_ap(precision: np.ndarray) -> list[float]:
    """Mean of (thresholds, recalls, classes, areas) over the first two axes at all areas; -1 without ground truth."""
    all_areas = precision[..., 0]
    return [
        float(values[values > -1].mean()) if (values > -1).any() else -1.0 for values in all_areas.transpose(2, 0, 1)
    ]
