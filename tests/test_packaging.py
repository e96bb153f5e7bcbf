"""The wheel carries what mim looks for, and the metadata say what the package and each extra need."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import longtail_det
from longtail_det.compat.versions import _DISTRIBUTIONS, SUPPORTED

from .core_environment import core_requirements

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


@pytest.fixture(scope='module')
def required(wheel) -> dict[str, list[Requirement]]:
    """Requirements by extra; '' for those of everybody."""
    name = next(name for name in wheel.namelist() if name.endswith('METADATA'))
    metadata = PathDistribution(zipfile.Path(wheel, name.removesuffix('METADATA')))
    found = [Requirement(line) for line in metadata.requires]
    assert metadata.metadata['Name'] == 'longtail-det'
    return {
        extra: [one for one in found if (one.marker.evaluate({'extra': extra}) if one.marker else not extra)]
        for extra in ('', *metadata.metadata.get_all('Provides-Extra'))
    }


def test_without_extras_there_is_the_core(required):
    assert {one.name for one in required['']} == set(core_requirements())
    assert required.keys() == {'', 'mmdet', 'onedl', 'mim', 'adapters', 'docs', 'tests'}


@pytest.mark.parametrize(('extra', 'stack'), [('mmdet', 'mmdetection'), ('onedl', 'onedl-mmdetection')])
def test_the_extras_of_mmdetection_are_what_compat_supports(extra, stack, required):
    """Its fork has other distribution names: an extra with both would install one over the other."""
    ranges = {one.name: one.specifier for one in required[extra]}
    for package, names in _DISTRIBUTIONS.items():
        (name,) = set(names) & ranges.keys()
        assert ranges[name] == Requirement(name + SUPPORTED[stack][package]).specifier
    torch = ranges.get('torch') or next(one.specifier for one in required[''] if one.name == 'torch')
    assert torch == Requirement(f'torch{SUPPORTED[stack]["torch"]}').specifier


def test_only_mim_holds_setuptools_back(required):
    assert [extra for extra, ones in required.items() if 'setuptools' in {one.name for one in ones}] == ['mim']


def test_the_sdist_holds_the_sources_and_no_test(distributions):
    with tarfile.open(distributions[0]) as archive:
        inside = {name.partition('/')[2] for name in archive.getnames()}
    assert {'pyproject.toml', 'setup.py', 'setup.cfg', 'README.md', 'LICENSE', 'requirements/runtime.txt'} <= inside
    assert not [name for name in inside if name.startswith('tests/')]


def test_twine_takes_both(distributions):
    command = [sys.executable, '-m', 'twine', 'check', '--strict', *map(str, distributions)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
