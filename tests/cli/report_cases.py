"""Runs, and results without a run, for longtail-det report."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from PIL import Image

from longtail_det.cli import report

from ..error_lines import only_error


@pytest.fixture
def run_dir(tmp_path) -> Path:
    """Two images of two classes, a short training log, test results, config and predictions."""
    data = tmp_path / 'data'
    (data / 'images').mkdir(parents=True)
    square = [[4.0, 4.0, 14.0, 4.0, 14.0, 24.0, 4.0, 24.0]]
    gt = {
        'images': [{'id': i, 'height': 40, 'width': 30, 'file_name': f'{i}.png'} for i in (1, 2)],
        'annotations': [
            {'id': i, 'image_id': i, 'category_id': i, 'bbox': [4, 4, 10, 20], 'area': 200, 'segmentation': square}
            for i in (1, 2)
        ],
        'categories': [{'id': 1, 'name': 'ant', 'frequency': 'r'}, {'id': 2, 'name': 'bee', 'frequency': 'f'}],
    }
    (data / 'gt.json').write_text(json.dumps(gt))
    rle = mask_utils.merge(mask_utils.frPyObjects(square, 40, 30))
    predictions = []
    for i in (1, 2):
        Image.fromarray(np.zeros((40, 30, 3), np.uint8)).save(data / 'images' / f'{i}.png')
        instances = {
            'bboxes': torch.tensor([[4.0, 4, 14, 24]]),
            'scores': torch.tensor([0.9]),
            'labels': torch.tensor([i - 1]),
            'masks': [rle],
        }
        predictions.append({'img_id': i, 'img_path': str(data / 'images' / f'{i}.png'), 'pred_instances': instances})
    run = tmp_path / 'my run'
    (run / '20250101_000000' / 'vis_data').mkdir(parents=True)
    (run / 'results.pkl').write_bytes(pickle.dumps(predictions))
    log = ''.join(json.dumps({'loss': 2.0 / s, 'loss_cls': 1.0 / s, 'step': s}) + '\n' for s in range(1, 9))
    (run / '20250101_000000' / 'vis_data' / 'scalars.json').write_text(log)
    (run / '20250102_000000').mkdir()
    results = {'lvis/bbox_AP': 0.219, 'lvis/bbox_APr': 0.106, 'lvis/bbox_APf': 0.552, 'lvis/segm_AP': 0.142}
    (run / '20250102_000000' / '20250102_000000.json').write_text(json.dumps(results))
    dataset = {'type': 'LVISDataset', 'data_root': f'{data}/', 'ann_file': 'gt.json'}
    (run / 'cfg.py').write_text(f'train_dataloader = test_dataloader = dict(dataset={dataset})')
    return run


def error_line(capsys, argv) -> str:
    assert report.main([str(arg) for arg in argv]) == 2
    return only_error(capsys).partition(': error: ')[2]


def read_csv(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def two_runs(run_dir) -> tuple[Path, Path]:
    """The run, and one that takes the rare object for the frequent class, its predictions a results json."""
    other = run_dir.with_name('worse')
    shutil.copytree(run_dir, other)
    shutil.rmtree(other / '20250102_000000')
    shutil.rmtree(run_dir / '20250102_000000')
    images = pickle.loads((other / 'results.pkl').read_bytes())
    (other / 'results.pkl').unlink()
    records = [
        {
            'image_id': image['img_id'],
            'category_id': 2,
            'score': 0.8,
            'bbox': [4, 4, 10, 20],
            'segmentation': {**rle, 'counts': rle['counts'].decode()},
        }
        for image in images
        for rle in image['pred_instances']['masks']
    ]
    (other / 'results.json').write_text(json.dumps(records))
    config = (other / 'cfg.py').read_text().replace('}', ", 'data_prefix': {'img': 'images'}}")
    (other / 'cfg.py').write_text(config)
    return run_dir, other


@pytest.fixture
def results_alone(two_runs, tmp_path) -> tuple[Path, Path]:
    """A results json without a run, and the annotations, whose categories tell of the training set as LVIS's do."""
    gt = json.loads((tmp_path / 'data' / 'gt.json').read_text())
    for category, count in zip(gt['categories'], (3, 300), strict=True):
        category['image_count'] = count
    (tmp_path / 'data' / 'images' / 'gt.json').write_text(json.dumps(gt))
    alone = tmp_path / 'elsewhere' / 'other detector.json'
    alone.parent.mkdir()
    shutil.copy(two_runs[1] / 'results.json', alone)
    return alone, tmp_path / 'data' / 'images' / 'gt.json'
