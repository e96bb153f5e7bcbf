"""The commands in this process or in a shell, and a run of milliseconds to feed them."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import mmengine.device.utils
import pytest
import torch

from longtail_det import cli

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
