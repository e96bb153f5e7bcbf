"""What a stranger's file may try, and a place in which it leaves a trace if it gets that far."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import mmengine.device.utils
import numpy as np
import pytest
import torch

from longtail_det import cli

from ..error_lines import only_error

ROOT = Path(__file__).parents[2]
TOY = ROOT / 'tests/cli/toy'
TOY_CONFIG = TOY / 'toy_config.py'
#: a line of Python that makes the file `trace` in the working directory
RUNS = "open('trace', 'w')\n"


class RunsCode:
    """Unpickled freely, makes the file `trace`."""

    def __reduce__(self):
        return (open, ('trace', 'w'))


class InAStorage:
    """The same, inside of the memory of a tensor, which is a pickle of its own."""

    def __reduce__(self):
        content = io.BytesIO()
        torch.save(RunsCode(), content)
        return (torch.storage._load_from_bytes, (content.getvalue(),))


class ByAttribute:
    """A step towards it: an attribute of a class that is on every list."""

    def __reduce__(self):
        return (getattr, (np.ndarray, 'tofile'))


PAYLOADS = {
    'a call': RunsCode(),
    'a call in a storage': InAStorage(),
    'an attribute': ByAttribute(),
    'an array of objects': np.array([RunsCode()]),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder, with the caches inside of it, where the toy can be imported; nothing leaves a trace in it."""
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mmengine.device.utils, 'DEVICE', 'cpu')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.delenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', raising=False)
    for name in ('TORCH_HOME', 'MMENGINE_HOME', 'XDG_CACHE_HOME'):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ('LOCAL_RANK', 'CUDA_VISIBLE_DEVICES', 'CUBLAS_WORKSPACE_CONFIG'):
        monkeypatch.setenv(name, '')  # so that monkeypatch knows the name and removes what a command sets
        monkeypatch.delenv(name)
    yield tmp_path
    assert not Path('trace').exists()


def run(*args: object) -> int:
    """Run a command in this process; mmengine keeps the logs of runs apart by experiment name."""
    argv = [str(arg) for arg in args]
    if argv[0] in ('train', 'test', 'calibrate') and '--counts' not in argv:
        argv += ['--cfg-options', f'experiment_name={uuid.uuid4().hex}']
    return cli.main(argv)


def refused(capfd: pytest.CaptureFixture[str], *args: object, because: str = 'can run code') -> None:
    """A command ends in exit code 2 and one line that says why."""
    assert run(*args) == 2
    assert because in only_error(capfd)
