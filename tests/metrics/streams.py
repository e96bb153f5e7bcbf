"""Images and detections in the form in which a test run hands them to a metric, and what lvis-api says of them."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from longtail_det.metrics import detection_records, evaluate_lvis_api

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


WORKER = """
import json, pickle, sys
import torch.distributed as dist
import longtail_det
from mmdet.registry import METRICS
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator

rank, folder, metric = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
dist.init_process_group('gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2)
samples = pickle.load(open(f'{folder}/samples.pkl', 'rb'))
evaluator = Evaluator(METRICS.build({'ann_file': f'{folder}/val.json', **metric}))
evaluator.dataset_meta = {'classes': [f'class {c}' for c in range(1, 7)]}
indices = list(DefaultSampler(samples, shuffle=False))
evaluator.process([samples[i] for i in indices])
json.dump([indices, evaluator.evaluate(len(samples))], open(f'{folder}/rank{rank}.json', 'w'))
dist.destroy_process_group()
"""


def two_processes(detections: list[dict[str, Any]], folder: Path, **metric: Any) -> dict[str, float]:
    """Results of a metric on two ranks, for an odd number of images: the sampler repeats the first one.

    Args:
        detections: as of the fixture of that name.
        folder: with `val.json`.
        metric: its type and arguments; those that json can hold.
    """
    (folder / 'samples.pkl').write_bytes(pickle.dumps([as_data_sample(d).to_dict() for d in detections]))
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': os.pathsep.join(sys.path)}
    command = [sys.executable, '-c', WORKER]
    ranks = [
        subprocess.Popen([*command, str(rank), str(folder), json.dumps(metric)], cwd=folder, env=env) for rank in (0, 1)
    ]
    assert [process.wait(timeout=120) for process in ranks] == [0, 0]
    (seen0, results0), (seen1, results1) = (json.loads((folder / f'rank{r}.json').read_text()) for r in (0, 1))
    assert len(seen0) + len(seen1) == len(detections) + 1
    assert set(seen0) & set(seen1) == {0}
    assert results0 == results1
    return results0
