"""The command lines, loaded by path as a shell would, and a run of milliseconds to feed them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import mmengine.device.utils
import pytest
import torch

TOOLS = Path(__file__).parents[2] / 'tools'
TOY = Path(__file__).parent / 'toy'
TOY_CONFIG = str(TOY / 'toy_config.py')


@pytest.fixture
def tool(monkeypatch, tmp_path) -> Callable[[str], ModuleType]:
    """Load tools/NAME.py in this process, on the CPU, in an empty folder, with every variable put back afterwards."""
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mmengine.device.utils, 'DEVICE', 'cpu')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for name in ('LOCAL_RANK', 'RANK', 'WORLD_SIZE', 'CUDA_VISIBLE_DEVICES', 'CUBLAS_WORKSPACE_CONFIG', 'DISPLAY'):
        monkeypatch.setenv(name, '')  # so that monkeypatch knows the name and removes what a tool sets
        monkeypatch.delenv(name)

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f'tool_{name}', TOOLS / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def run_tool(tool) -> Callable[..., int]:
    """Run tools/NAME.py with arguments in this process; mmengine keeps its logs apart by experiment name."""

    def run(name: str, *args: str) -> int:
        return tool(name).main([*map(str, args), '--cfg-options', f'experiment_name={uuid.uuid4().hex}'])

    return run


@pytest.fixture
def shell(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Run a command with the toy on PYTHONPATH, without a GPU, in an empty folder."""
    environment = {
        **os.environ,
        'PYTHON': sys.executable,
        'PYTHONPATH': str(TOY),
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
