"""A small LVIS with detections for longtail-det eval, and its numbers or its error line."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch

from longtail_det.cli import eval as eval_command

from ..error_lines import only_error

SIZE, GROUPS = 120, 'rrccff'
CATEGORY_IDS = [3, 5, 8, 9, 12, 40]


def polygon(box):
    x, y, w, h = box
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def rle(box):
    encoded = mask_utils.merge(mask_utils.frPyObjects(polygon(box), SIZE, SIZE))
    return {**encoded, 'counts': encoded['counts'].decode()}


@pytest.fixture(scope='session')
def eval_case(tmp_path_factory) -> tuple[Path, list[dict], list[dict]]:
    """Ten images of six classes under the federated rules, and detections: right ones, shifted ones, noise, ties.

    The folder of gt.json, results.json and results.pkl; what the pickle holds; and what the json holds.
    """
    rng = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp('eval')
    images, annotations, predictions = [], [], []
    for img_id in range(1, 11):
        ids = rng.permutation(CATEGORY_IDS).tolist()
        images.append(
            {
                'id': img_id,
                'height': SIZE,
                'width': SIZE,
                'neg_category_ids': ids[:2],
                'not_exhaustive_category_ids': ids[2:3],
            }
        )
        boxes, labels = [], []
        for _ in range(rng.integers(1, 6)):
            x, y, w, h = (float(v) for v in rng.integers(5, 55, 4))
            category_id = int(rng.choice(CATEGORY_IDS))
            annotations.append(
                {
                    'id': len(annotations) + 1,
                    'image_id': img_id,
                    'category_id': category_id,
                    'bbox': [x, y, w, h],
                    'area': w * h,
                    'segmentation': polygon([x, y, w, h]),
                }
            )
            for _ in range(2):
                boxes.append(np.array([x, y, w, h]) + rng.integers(-4, 5, 4))
                labels.append(CATEGORY_IDS.index(category_id) if rng.uniform() < 0.7 else int(rng.integers(6)))
        boxes = np.maximum(np.array(boxes), 1)
        predictions.append(
            {
                'img_id': img_id,
                'pred_instances': {
                    'bboxes': torch.tensor(np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), dtype=torch.float32),
                    'scores': torch.tensor(rng.uniform(0, 1, len(boxes)).round(1), dtype=torch.float32),
                    'labels': torch.tensor(labels),
                    'masks': [rle(box) for box in boxes],
                },
            }
        )
    categories = [{'id': c, 'name': f'class {c}', 'frequency': g} for c, g in zip(CATEGORY_IDS, GROUPS, strict=True)]
    gt = {'images': images, 'annotations': annotations, 'categories': categories}
    (folder / 'gt.json').write_text(json.dumps(gt))
    (folder / 'results.pkl').write_bytes(pickle.dumps(predictions))
    records = [
        {
            'image_id': image['img_id'],
            'category_id': CATEGORY_IDS[label],
            'score': score,
            'bbox': box,
            'segmentation': m,
        }
        for image in predictions
        for label, score, box, m in zip(
            image['pred_instances']['labels'].tolist(),
            image['pred_instances']['scores'].tolist(),
            [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in image['pred_instances']['bboxes'].tolist()],
            image['pred_instances']['masks'],
            strict=True,
        )
    ]
    (folder / 'results.json').write_text(json.dumps(records))
    return folder, predictions, records


def run(folder, out, results='results.json', *flags):
    args = ['--ann', folder / 'gt.json', '--results', folder / results, '--out', out, *flags]
    assert eval_command.main([str(arg) for arg in args]) == 0
    return json.loads(out.read_text())


def error_line(capsys, *args) -> str:
    assert eval_command.main([str(arg) for arg in args]) == 2
    return only_error(capsys)
