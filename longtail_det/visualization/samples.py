"""Annotations and dumped predictions -> the images of a grid."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray
from PIL import Image, ImageOps

from longtail_det.evaluation.functional import category_groups, match_classes

from .image_grid import DrawnInstances, GridSample

_MOST_PREDICTIONS = 30


def choose_images(gt: Mapping[str, Any], img_ids: Collection[int], count: int) -> list[int]:
    """Choose images that show rare, common and frequent classes in turn, the same ones every time.

    Args:
        gt: LVIS or COCO annotations.
        img_ids: the images to choose from.
        count: how many, at most.

    Returns:
        Ids of images with at least one object, in the order of choosing.
    """
    groups = _group_of_category(gt)
    allowed = set(img_ids)
    shown = sorted({(a['image_id'], groups[a['category_id']]) for a in gt['annotations'] if a['image_id'] in allowed})
    queues = [[image_id for image_id, shows in shown if shows == group] for group in ('r', 'c', 'f', '')]
    chosen: list[int] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            while queue and queue[0] in chosen:
                queue.pop(0)
            if queue and len(chosen) < count:
                chosen.append(queue.pop(0))
    return chosen


def load_grid_samples(
    gt: Mapping[str, Any],
    predictions: Sequence[Mapping[str, Any]],
    *,
    classes: Sequence[str] | None = None,
    count: int = 8,
    score_threshold: float = 0.3,
    img_root: Path | None = None,
) -> list[GridSample]:
    """Put images, annotations and predictions together.

    Args:
        gt: LVIS or COCO annotations.
        predictions: what mmdet's DumpDetResults wrote, see `read_predictions`.
        classes: class names in the order of the labels; all categories by id where None.
        count: how many images, at most.
        score_threshold: in [0, 1]; predictions below are not drawn, nor more than the 30 best of an image.
        img_root: folder of the images where it is not the one that the predictions name.

    Returns:
        Samples for `plot_image_grid`, spread over the frequency groups; empty where no image has an object.

    Raises:
        FileNotFoundError: an image is not there.
        ValueError: `classes` are not those of the file, or a label is beyond them.
    """
    by_id = {sample['img_id']: sample for sample in predictions}
    groups, names = _group_of_category(gt), {c['id']: c['name'] for c in gt['categories']}
    category_ids = sorted(names) if classes is None else match_classes(classes, gt['categories'])
    samples = []
    for image_id in choose_images(gt, by_id.keys(), count):
        image = _read_image(Path(by_id[image_id]['img_path']), img_root)
        height, width = image.shape[:2]
        annotations = [a for a in gt['annotations'] if a['image_id'] == image_id]
        found, ids = _shown_predictions(by_id[image_id]['pred_instances'], category_ids, score_threshold)
        samples.append(
            GridSample(
                image,
                _drawn(
                    [a['category_id'] for a in annotations], names, groups, **_annotated(annotations, (height, width))
                ),
                _drawn(ids, names, groups, **found),
                str(image_id),
            )
        )
    return samples


def _group_of_category(gt: Mapping[str, Any]) -> dict[int, str]:
    groups = category_groups(gt['categories'])
    return {c['id']: '' if groups is None else str(groups[i]) for i, c in enumerate(gt['categories'])}


def _drawn(ids: Sequence[int], names: Mapping[int, str], groups: Mapping[int, str], **geometry: Any) -> DrawnInstances:
    return DrawnInstances(names=[names[i] for i in ids], groups=[groups[i] for i in ids], **geometry)


def _annotated(annotations: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> dict[str, Any]:
    boxes = np.array([a['bbox'] for a in annotations], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = None
    if all('segmentation' in a for a in annotations):
        masks = _decode([_as_rle(a['segmentation'], *size) for a in annotations])
    return {'boxes': boxes, 'masks': masks}


def _shown_predictions(
    instances: Mapping[str, Any], category_ids: Sequence[int], score_threshold: float
) -> tuple[dict[str, Any], list[int]]:
    scores, boxes, labels = (np.asarray(instances[key]) for key in ('scores', 'bboxes', 'labels'))
    if labels.size and labels.max() >= len(category_ids):
        raise ValueError(
            f'a predicted label is {labels.max()}, but the annotation file has {len(category_ids)} classes; '
            'give --ann the file that the model was tested on'
        )
    order = np.argsort(-scores, kind='stable')[:_MOST_PREDICTIONS]
    kept = order[scores[order] >= score_threshold]
    masks = _decode([instances['masks'][i] for i in kept]) if 'masks' in instances else None
    found = {'boxes': boxes[kept].astype(np.float64), 'scores': scores[kept], 'masks': masks}
    return found, [category_ids[label] for label in labels[kept]]


def _as_rle(segmentation: Any, height: int, width: int) -> Any:
    if isinstance(segmentation, list):
        return mask_utils.merge(mask_utils.frPyObjects(segmentation, height, width))
    if isinstance(segmentation['counts'], list):
        return mask_utils.frPyObjects(segmentation, height, width)
    return segmentation


def _decode(rles: Sequence[Any]) -> NDArray[np.bool_] | None:
    return mask_utils.decode(list(rles)).transpose(2, 0, 1).astype(bool) if len(rles) else None


def _read_image(path: Path, img_root: Path | None) -> NDArray[np.uint8]:
    if img_root is not None:
        inside = [img_root / Path(*path.parts[-depth:]) for depth in (2, 1)]
        path = next((candidate for candidate in inside if candidate.is_file()), inside[-1])
    if not path.is_file():
        raise FileNotFoundError(f'image not found: {path}; give the folder of the images with --img-root')
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert('RGB'))
