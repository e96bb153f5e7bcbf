"""The core works where mmengine, mmcv and mmdet cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

WITHOUT_OPENMMLAB = """
import sys
from importlib.machinery import PathFinder
class OtherPackages:
    find_distributions = PathFinder.find_distributions
    @staticmethod
    def find_spec(name, path=None, target=None):
        blocked = name.split('.')[0] in ('mmengine', 'mmcv', 'mmdet')
        return None if blocked else PathFinder.find_spec(name, path, target)
sys.meta_path = [OtherPackages if finder is PathFinder else finder for finder in sys.meta_path]
"""
ROOMS = (
    'adapters',
    'annotations',
    'calibration',
    'evaluation',
    'functional',
    'losses',
    'reports',
    'sampling',
    'statistics',
    'visualization',
)
TRAIN = """
import torch
from longtail_det import losses
from longtail_det.statistics import ClassStatistics

statistics = ClassStatistics([2, 30, 200], [2, 40, 400], num_images=210)
needs_statistics = (losses.ACSL, losses.ClassRelativeActivations, losses.ECMLoss, losses.FedLoss, losses.GroupSoftmax)
needs_statistics += (losses.IIFLoss, losses.LogitAdjustedCE)
arguments = {
    losses.EQL: dict(lambda_=0.1, class_statistics=statistics),
    losses.DropLoss: dict(lambda_=0.1, class_statistics=statistics),
    losses.GAP: dict(base=dict(type='CrossEntropyLoss')),
    losses.PCB: dict(base=dict(type='CrossEntropyLoss'), alpha=0.4, start_epoch=0),
    **{kind: dict(class_statistics=statistics) for kind in needs_statistics},
}
for kind in losses.ROI_LOSSES:
    torch.manual_seed(0)
    loss = kind(num_classes=3, **arguments.get(kind, {}))
    classifier = torch.nn.Linear(8, loss.get_cls_channels(3))
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.1)
    labels = torch.arange(64) % 4
    features = torch.nn.functional.one_hot(labels, 8).float() + 0.1 * torch.randn(64, 8)
    history = []
    for _ in range(30):
        parts = loss(classifier(features), labels)
        total = sum(parts.values()) if isinstance(parts, dict) else parts
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert history[-1] < history[0], (kind, history)
    scores = loss.get_activation(classifier(features))
    assert scores.shape == (64, 4)
print('trained', len(losses.ROI_LOSSES))
"""


def run(code: str, *, blocked: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, '-c', WITHOUT_OPENMMLAB * blocked + code],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_core_room_imports():
    code = ''.join(f'import longtail_det.{room}\n' for room in ROOMS)
    assert run(code + 'print("imported")') == 'imported\n'


@pytest.mark.parametrize('room', ['annotations', 'evaluation', 'statistics'])
def test_rooms_of_numbers_need_no_torch(room):
    heavy = ('torch', 'mmengine', 'mmdet', 'matplotlib')
    code = f'import sys, longtail_det.{room}; print([name for name in {heavy} if name in sys.modules])'
    assert run(code, blocked=False) == '[]\n'


def test_a_classifier_trains_with_each_loss():
    assert run(TRAIN).startswith('trained')


def test_a_results_file_is_scored(make_gt, tmp_path):
    annotations, results = tmp_path / 'val.json', tmp_path / 'results.json'
    gt = make_gt([(1, 1, [10, 10, 40, 40]), (1, 2, [80, 80, 30, 30])])
    annotations.write_text(json.dumps(gt))
    found = [
        dict(image_id=1, category_id=c, bbox=box, score=0.9) for c, box in ((1, [10, 10, 40, 40]), (2, [0, 0, 9, 9]))
    ]
    results.write_text(json.dumps(found))
    code = f"""
from longtail_det.evaluation import evaluate_detections, read_ground_truth, read_results
scores = evaluate_detections(read_ground_truth({str(annotations)!r}), read_results({str(results)!r}))
print(round(scores['bbox']['AP'], 6))
"""
    assert run(code) == '0.5\n'


def test_long_tail_glyphs_are_made(tmp_path):
    pytest.importorskip('cv2')
    code = f"""
from longtail_det.synthetic import GlyphsConfig, make_glyphs
config = GlyphsConfig(num_classes=3, num_train=30, num_val=10, image_size=64, head_share=0.5, val_instances=2)
print(make_glyphs({str(tmp_path / 'glyphs')!r}, config, progress=False, workers=1).num_images)
"""
    assert run(code) == "{'train': 30, 'val': 10}\n"


@pytest.mark.parametrize('room', ['datasets', 'engine', 'metrics', 'models'])
def test_the_other_layer_says_what_is_missing(room):
    code = f"""
try:
    import longtail_det.{room}
except ImportError as error:
    print(error)
"""
    line = run(code)
    assert 'mmdet' in line
    assert 'pip install' in line
    assert line.count('\n') == 1
