"""The commands in this process or in a shell, and a run of milliseconds to feed them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import mmengine.device.utils
import numpy as np
import pytest
import torch
from PIL import Image

from longtail_det import cli

# fixtures of several files of this folder
from .download_cases import download, server, tiny_lvis  # noqa: F401
from .eval_cases import eval_case  # noqa: F401
from .report_cases import results_alone, run_dir, two_runs  # noqa: F401

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools'
TOY = Path(__file__).parent / 'toy'
TOY_CONFIG = str(TOY / 'toy_config.py')


@pytest.fixture
def workplace(monkeypatch, tmp_path) -> Path:
    """An empty folder, without a GPU, where the toy can be imported; every variable is put back afterwards."""
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mmengine.device.utils, 'DEVICE', 'cpu')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for name in ('LOCAL_RANK', 'RANK', 'WORLD_SIZE', 'CUDA_VISIBLE_DEVICES', 'CUBLAS_WORKSPACE_CONFIG', 'DISPLAY'):
        monkeypatch.setenv(name, '')  # so that monkeypatch knows the name and removes what a command sets
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def run(workplace) -> Callable[..., int]:
    """Run train or test in this process; mmengine keeps their logs apart by experiment name."""

    def run(*args: object) -> int:
        return cli.main([*map(str, args), '--cfg-options', f'experiment_name={uuid.uuid4().hex}'])

    return run


@pytest.fixture
def shell(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Run a command with the toy on PYTHONPATH, without a GPU, in an empty folder."""
    environment = {
        **os.environ,
        'PYTHON': sys.executable,
        'PYTHONPATH': os.pathsep.join(map(str, (TOY, ROOT))),
        'CUDA_VISIBLE_DEVICES': '-1',
        'OMP_NUM_THREADS': '1',
    }

    def run(*command: str, **variables: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*map(str, command)],
            env={**environment, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope='session')
def toy_checkpoint(tmp_path_factory) -> str:
    """A checkpoint of the toy detector, three classes."""
    path = tmp_path_factory.mktemp('toy') / 'toy.pth'
    weights = {'bbox_head.fc.weight': torch.ones(3, 1), 'bbox_head.fc.bias': torch.zeros(3)}
    torch.save({'state_dict': weights, 'meta': {}}, path)
    return str(path)


#: of the toy boxes, in the order of the labels, not of the ids
CATEGORY_IDS = [7, 2, 4]


@pytest.fixture
def boxes_data(tmp_path, monkeypatch) -> Path:
    """Five images of three classes, so that two processes have an odd number."""
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for img_id in range(1, 6):
        Image.fromarray(np.zeros((60, 50, 3), np.uint8)).save(tmp_path / f'{img_id}.png')
        images.append({'id': img_id, 'height': 60, 'width': 50, 'file_name': f'{img_id}.png'})
        found = importlib.import_module('toy_boxes').ToyBoxes(3).guess(img_id, (60, 50))
        for label, (x1, y1, x2, y2) in zip(found.labels.tolist()[:4], found.bboxes.tolist(), strict=False):
            x1, y1 = x1 + rng.uniform(0, 1), y1 + rng.uniform(0, 1)
            annotations.append(
                {
                    'id': len(annotations) + 1,
                    'image_id': img_id,
                    'category_id': CATEGORY_IDS[label],
                    'bbox': [x1, y1, x2 - x1, y2 - y1],
                    'area': (x2 - x1) * (y2 - y1),
                    'segmentation': [[x1, y1, x2, y1, x2, y2, x1, y2]],
                }
            )
    categories = [{'id': c, 'name': f'class {c}', 'frequency': f} for c, f in zip((2, 4, 7), 'rcf', strict=True)]
    gt = {'images': images, 'annotations': annotations, 'categories': categories}
    (tmp_path / 'gt.json').write_text(json.dumps(gt))
    torch.save({'state_dict': {'fc.weight': torch.ones(1, 1), 'fc.bias': torch.zeros(1)}, 'meta': {}}, 'boxes.pth')
    return tmp_path
