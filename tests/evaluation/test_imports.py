"""A results file is scored by an interpreter that knows neither torch nor mmdet."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import json, sys
from longtail_det.evaluation import ap_table, evaluate_detections, read_ground_truth, read_results

folder = sys.argv[1]
metrics = ['bbox', 'segm']
gt, found = read_ground_truth(f'{folder}/gt.json', metrics), read_results(f'{folder}/results.json', metrics)
results = evaluate_detections(gt, found, metrics, modes=['default', 'fixed', 'pool'])
assert ap_table(results)
heavy = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'cv2', 'matplotlib', 'tqdm', 'lvis'} & set(sys.modules)
print(json.dumps([sorted(heavy), results]))
"""


def test_evaluation_needs_neither_torch_nor_mmdet(lvis_case, tmp_path):
    from longtail_det.evaluation import evaluate_detections

    gt, records = lvis_case(0)
    (tmp_path / 'gt.json').write_text(json.dumps(gt))
    (tmp_path / 'results.json').write_text(json.dumps(records))
    command = [sys.executable, '-c', SCRIPT, str(tmp_path)]
    heavy, results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert heavy == []
    assert results == evaluate_detections(gt, records, ['bbox', 'segm'], modes=['default', 'fixed', 'pool'])
