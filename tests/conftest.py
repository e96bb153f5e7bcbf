"""Fixtures shared by all tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from hypothesis import settings

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)

# fixtures of several rooms
from .annotation_files import _freeze_the_imports, load, write  # noqa: F401
from .browser import browser, chromium  # noqa: F401
from .evaluation_cases import as_detections, lvis_case, make_gt, random_gt  # noqa: F401
from .two_processes import TwoProcesses

# examples are the same in every run, and a busy machine is no failure
settings.register_profile('repeatable', deadline=None, derandomize=True)
settings.load_profile('repeatable')


HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--device`, which runs the tests marked `cuda` somewhere else: on the CPU they try their own code."""
    parser.addoption('--device', choices=['cpu', 'cuda'], help='device of the tests marked cuda; default: cuda')


def pytest_configure() -> None:
    """Let Ctrl-C end what the tests start: a shell runs a job in the background with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def device(request) -> str:
    """The device that is compared with the CPU."""
    wanted = request.config.getoption('--device')
    if wanted == 'cuda' or torch.cuda.is_available():
        return wanted or 'cuda'
    if wanted is None:
        pytest.skip('no CUDA device here; --device cpu runs the same code on the CPU')
    return wanted


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of configs as `zoo`, and as `law` what is neither that nor `slow` nor `drill`."""
    for item in items:
        if HERE / 'configs' in item.path.parents:
            item.add_marker('zoo')
        if not any(item.get_closest_marker(name) for name in ('slow', 'zoo', 'drill')):
            item.add_marker('law')


if find_spec('mmengine'):
    from mmengine.registry import init_default_scope

    @pytest.fixture(autouse=True)
    def mmdet_scope():
        """Look names up in mmdet's registries, as in a run; a test that runs a Runner leaves its own scope behind."""
        init_default_scope('mmdet')
        yield
        init_default_scope('mmdet')


@pytest.fixture(scope='session')
def two_processes(tmp_path_factory) -> TwoProcesses:
    """Two ranks, for `two_processes(function, *arguments)`."""
    ranks = TwoProcesses(tmp_path_factory.mktemp('two_processes'))
    yield ranks
    ranks.stop()


@pytest.fixture(scope='session')
def source_copy(tmp_path_factory) -> Path:
    """What git would hand out: setuptools builds inside the source tree, so in a copy."""
    root, source = Path(__file__).parent.parent, tmp_path_factory.mktemp('source')
    tracked = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout.split('\0')  # fmt: skip
    for name in filter(None, tracked):
        origin, target = root / name, source / name
        if origin.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_symlink():
                target.symlink_to(origin.readlink())
            else:
                target.write_bytes(origin.read_bytes())
    return source


@pytest.fixture(scope='session')
def distributions(source_copy, tmp_path_factory) -> tuple[Path, Path]:
    """The sdist of this checkout, and the wheel that is built from that sdist."""
    out = tmp_path_factory.mktemp('dist')
    command = [sys.executable, '-m', 'build', '--no-isolation', '--outdir', str(out), '.']
    subprocess.run(command, cwd=source_copy, check=True, capture_output=True)
    (sdist,), (wheel,) = out.glob('*.tar.gz'), out.glob('*.whl')
    return sdist, wheel


@pytest.fixture(scope='session')
def wheel_path(distributions) -> Path:
    """The wheel of this checkout."""
    return distributions[1]


RoIBatch = Callable[..., tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture
def roi_batch() -> RoIBatch:
    """Random logits and labels of RoIs; the first RoI is foreground and the last background, if there are two."""

    def make(
        num_rois: int = 7,
        num_classes: int = 5,
        *,
        extra_channels: int = 0,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        scale: float = 2.0,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        logits = scale * torch.randn(num_rois, num_classes + extra_channels, generator=generator, dtype=torch.float64)
        labels = torch.randint(num_classes + 1, (num_rois,), generator=generator)
        if num_rois > 1:
            labels[0], labels[-1] = num_classes // 2, num_classes
        return logits.to(dtype).requires_grad_(), labels

    return make
