"""The wheel carries what mim looks for, and the metadata say what the package needs."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

import longtail_det

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope='module')
def wheel(wheel_path):
    return zipfile.ZipFile(wheel_path)


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


def test_the_wheel_holds_the_package_and_the_startup_files_beside_it(wheel):
    tops = {name.split('/')[0] for name in wheel.namelist()}
    name = f'longtail_det-{longtail_det.__version__}'
    assert tops == {'longtail_det', f'{name}.data', f'{name}.dist-info'}
    startup = [f'{name}.data/purelib/longtail_det_mmcv_ext.{suffix}' for suffix in ('pth', 'py')]
    assert [each for each in sorted(wheel.namelist()) if each.startswith(f'{name}.data')] == startup
    for name in ('py.typed', 'reports/page.css', 'reports/page.js', 'synthetic/characters.txt'):
        assert f'longtail_det/{name}' in wheel.namelist()


def test_the_wheel_installs_the_command(wheel):
    name = next(name for name in wheel.namelist() if name.endswith('entry_points.txt'))
    assert wheel.read(name).decode().split() == ['[console_scripts]', 'longtail-det', '=', 'longtail_det.cli:main']


def test_mmdet_is_no_dependency(wheel):
    """The fork has other distribution names: naming one would install it beside the other."""
    name = next(name for name in wheel.namelist() if name.endswith('METADATA'))
    required = [line for line in wheel.read(name).decode().splitlines() if line.startswith('Requires-Dist')]
    assert any('torch>=' in line for line in required)
    assert not any('mmdet' in line or 'mmcv' in line or 'mmengine' in line for line in required)
