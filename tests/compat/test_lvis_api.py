from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest

from longtail_det.compat.lvis_api import import_lvis

# two squares of category 1 (frequent), one of category 2 (rare), all on one image
SQUARES = [(1, [10, 10, 40, 40]), (1, [60, 60, 30, 30]), (2, [10, 60, 20, 20])]


def polygon(box):
    x, y, w, h = box
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


@pytest.fixture
def ann_file(tmp_path):
    ground_truth = {
        'images': [{'id': 1, 'height': 100, 'width': 100, 'neg_category_ids': [], 'not_exhaustive_category_ids': []}],
        'categories': [{'id': 1, 'name': 'f', 'frequency': 'f'}, {'id': 2, 'name': 'r', 'frequency': 'r'}],
        'annotations': [
            {
                'id': i,
                'image_id': 1,
                'category_id': c,
                'bbox': box,
                'area': box[2] * box[3],
                'segmentation': polygon(box),
            }
            for i, (c, box) in enumerate(SQUARES, start=1)
        ],
    }
    path = tmp_path / 'gt.json'
    path.write_text(json.dumps(ground_truth))
    return str(path)


@pytest.fixture
def evaluate(ann_file):
    """Mean AP and AP by frequency of the detections in SQUARES that are picked by index."""

    def run(iou_type, detected, shift=0):
        lvis, lvis_eval, lvis_results = import_lvis()
        detections = []
        for k in detected:
            category, (x, y, w, h) = SQUARES[k]
            box = [x + shift, y, w, h]
            detections.append({'image_id': 1, 'category_id': category, 'bbox': box, 'score': 0.9 - k / 10})
            detections[-1] |= {'segmentation': polygon(box)} if iou_type == 'segm' else {}
        api = lvis(ann_file)
        evaluation = lvis_eval(api, lvis_results(api, detections), iou_type)
        evaluation.run()
        return evaluation.get_results()

    return run


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
@pytest.mark.parametrize(
    ('detected', 'frequent', 'rare'),
    [
        ([0, 1, 2], 1.0, 1.0),
        # recall stops at 1/2, which 51 of the 101 recall points reach
        ([0, 2], 51 / 101, 1.0),
        ([0, 1], 1.0, 0.0),
    ],
)
def test_ap_is_what_one_counts_by_hand(evaluate, iou_type, detected, frequent, rare, caplog):
    results = evaluate(iou_type, detected)
    assert results['APf'] == pytest.approx(frequent)
    assert results['APr'] == pytest.approx(rare)
    assert results['AP'] == pytest.approx((frequent + rare) / 2)
    assert results['APc'] == -1
    assert not caplog.records


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
def test_a_loose_box_counts_up_to_its_iou(evaluate, iou_type):
    # 40 wide and shifted by 10: IoU 30/50 = 0.6, the thresholds 0.50 and 0.55 of ten (0.60 is lost to rounding or not)
    results = evaluate(iou_type, [0], shift=10)
    assert results['AP50'] == pytest.approx(51 / 101 / 2)
    assert results['AP75'] == 0
    assert results['AP'] in (pytest.approx(51 / 101 / 2 * 0.2), pytest.approx(51 / 101 / 2 * 0.3))


def test_numpy_and_the_logging_of_the_program_stay_as_they_were(monkeypatch, capfd):
    for name in [name for name in sys.modules if name.split('.')[0] == 'lvis']:
        monkeypatch.delitem(sys.modules, name)
    root = logging.getLogger()
    monkeypatch.setattr(root, 'handlers', [])
    monkeypatch.setattr(root, 'level', logging.ERROR)
    first = import_lvis()
    assert import_lvis() == first
    assert not hasattr(np, 'float')
    assert (root.handlers, root.level) == ([], logging.ERROR)
    assert capfd.readouterr() == ('', '')


def test_the_name_np_in_lvis_is_numpy_with_float():
    import_lvis()
    lvis_np = sys.modules['lvis.eval'].np
    assert lvis_np.float is float
    assert lvis_np.zeros is np.zeros
    assert not hasattr(lvis_np, 'no_such_name')


def test_a_missing_lvis_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, 'lvis', None)
    with pytest.raises(ImportError, match=r"the LVIS API cannot be imported.*pip install 'lvis") as caught:
        import_lvis()
    assert '\n' not in str(caught.value)


METRICS_OF_MMDET = """
import json, sys
import longtail_det
import torch
from mmdet.registry import METRICS
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

found = InstanceData(
    bboxes=torch.tensor([[10.0, 10, 50, 50]]), scores=torch.tensor([0.9]), labels=torch.tensor([0])
)
sample = DetDataSample(metainfo={'img_id': 1, 'ori_shape': (100, 100)}, pred_instances=found)
results = {}
for metric in json.loads(sys.argv[2]):
    evaluator = Evaluator(METRICS.build({'ann_file': sys.argv[1], **metric}))
    evaluator.dataset_meta = {'classes': ['f', 'r']}
    evaluator.process([sample.to_dict()])
    results.update(evaluator.evaluate(1))
print('results', json.dumps({key: float(value) for key, value in results.items()}))
"""


@pytest.mark.slow
def test_the_lvis_metrics_of_mmdet_run_after_import_longtail_det(ann_file):
    """In a process of its own, on the installed numpy: half of the squares of class f are found."""
    metrics = [
        {'type': 'LVISMetric', 'metric': 'bbox', 'classwise': True},
        {'type': 'LVISMetric', 'metric': 'proposal_fast', 'proposal_nums': [10]},
        {'type': 'LVISFixedAPMetric'},
    ]
    done = subprocess.run(
        [sys.executable, '-c', METRICS_OF_MMDET, ann_file, json.dumps(metrics)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('results ')]
    results = json.loads(line.removeprefix('results '))
    assert results['lvis/f_precision'] == pytest.approx(51 / 101, abs=1e-3)
    assert results['lvis/bbox_AP'] == pytest.approx(51 / 101 / 2, abs=1e-3)
    assert results['lvis/AR@10'] == pytest.approx(1 / 3)
    assert results['lvis_fixed_ap/AP'] == pytest.approx(51 / 101 / 2)
