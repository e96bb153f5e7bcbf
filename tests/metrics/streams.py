"""Images and detections in the form in which a test run hands them to a metric, and what lvis-api says of them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
import torch
from mmdet.registry import METRICS
from mmdet.structures import DetDataSample
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from longtail_det.metrics import detection_records, evaluate_lvis_api

from ..two_processes import TwoProcesses

CLASSES = [f'class {c}' for c in range(1, 7)]
_EXPECTED: dict[bytes, dict[str, float]] = {}


def as_data_sample(image: dict[str, Any]) -> DetDataSample:
    """What mmdet's Mask R-CNN gives in testing: tensors, masks as a bool stack."""
    masks = [mask_utils.decode(rle) for rle in image['masks']]
    instances = InstanceData(
        bboxes=torch.tensor(image['bboxes']),
        scores=torch.tensor(image['scores']),
        labels=torch.tensor(image['labels']),
        masks=torch.tensor(np.array(masks).reshape(-1, 160, 160), dtype=torch.bool),
    )
    return DetDataSample(metainfo={'img_id': image['img_id'], 'ori_shape': (160, 160)}, pred_instances=instances)


def expected(gt: dict[str, Any], detections: list[dict[str, Any]]) -> dict[str, float]:
    """What lvis-api says of both metrics; many tests ask for the same."""
    key = pickle.dumps((gt, detections))
    if key not in _EXPECTED:
        img_ids = [image['img_id'] for image in detections]
        _EXPECTED[key] = {
            f'lvis/{metric}_{name}': value
            for metric in ('bbox', 'segm')
            for name, value in evaluate_lvis_api(
                gt, detection_records(detections, range(1, 7), metric), metric, img_ids
            ).items()
        }
    return dict(_EXPECTED[key])


def evaluate(rank: int, samples: list[dict[str, Any]], metric: dict[str, Any]) -> tuple[list[int], dict[str, float]]:
    """One rank of a test run: the images that it saw, and its results."""
    evaluator = Evaluator(METRICS.build(metric))
    evaluator.dataset_meta = {'classes': CLASSES}
    seen = list(DefaultSampler(samples, shuffle=False))
    evaluator.process([samples[i] for i in seen])
    return seen, evaluator.evaluate(len(samples))


def results_of_two(
    two_processes: TwoProcesses, detections: list[dict[str, Any]], ann_file: str, **metric: Any
) -> dict[str, float]:
    """Results of a metric on two ranks, for an odd number of images: the sampler repeats the first one.

    Args:
        two_processes: fixture of that name.
        detections: as of the fixture of that name.
        ann_file: as of the fixture of that name.
        metric: its type and arguments.
    """
    samples = [as_data_sample(image).to_dict() for image in detections]
    (seen, results), (others_seen, others) = two_processes(evaluate, samples, {'ann_file': ann_file, **metric})
    assert len(seen) + len(others_seen) == len(detections) + 1
    assert set(seen) & set(others_seen) == {0}
    assert results == others
    return results
