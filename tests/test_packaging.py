"""The wheel carries what mim looks for, and the metadata say what the package needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import longtail_det

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp('wheel')
    # setuptools builds inside the source tree: build a copy of what git would hand out
    source = out / 'source'
    tracked = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split('\0')  # fmt: skip
    for name in filter(None, tracked):
        origin, target = ROOT / name, source / name
        if origin.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_symlink():
                target.symlink_to(origin.readlink())
            else:
                target.write_bytes(origin.read_bytes())
    command = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', str(out), '.']
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (path,) = out.glob('*.whl')
    return zipfile.ZipFile(path)


def test_the_wheel_carries_configs_and_tools_for_mim(wheel):
    names = set(wheel.namelist())
    for folder in ('configs', 'tools'):
        tracked = subprocess.run(
            ['git', 'ls-files', folder], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
        assert tracked
        missing = [name for name in tracked if f'longtail_det/.mim/{name}' not in names]
        assert not missing, missing
    assert 'longtail_det/.mim/model-index.yml' in names


def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel):
    tops = {name.split('/')[0] for name in wheel.namelist()}
    assert tops == {'longtail_det', f'longtail_det-{longtail_det.__version__}.dist-info'}
    assert 'longtail_det/py.typed' in wheel.namelist()


def test_the_wheel_installs_the_command(wheel):
    name = next(name for name in wheel.namelist() if name.endswith('entry_points.txt'))
    assert wheel.read(name).decode().split() == ['[console_scripts]', 'longtail-det', '=', 'longtail_det.cli:main']


def test_mmdet_is_no_dependency(wheel):
    """The fork has other distribution names: naming one would install it beside the other."""
    name = next(name for name in wheel.namelist() if name.endswith('METADATA'))
    required = [line for line in wheel.read(name).decode().splitlines() if line.startswith('Requires-Dist')]
    assert any('torch>=' in line for line in required)
    assert not any('mmdet' in line or 'mmcv' in line or 'mmengine' in line for line in required)
