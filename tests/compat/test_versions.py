from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from longtail_det.compat import SUPPORTED, check_versions, install, installed_versions
from longtail_det.compat.versions import compiled_mmcv_command

REFERENCE = {
    'python': '3.11.7',
    'numpy': '2.4.6',
    'torch': '2.11.0+cu130',
    'mmengine': '0.10.7',
    'mmcv': '2.1.0',
    'mmdet': '3.3.0',
}
FORK = REFERENCE | {'mmengine': '0.10.12', 'mmcv': '2.3.6', 'mmdet': '3.5.1'}


def found(base: dict[str, str], **changes: str | None) -> dict[str, str | None]:
    return {**base, **changes}


@pytest.mark.parametrize(
    'versions',
    [
        REFERENCE,
        FORK,
        found(REFERENCE, torch='2.1.0', numpy='1.26.0', python='3.10.0', mmcv='2.0.1'),
        found(REFERENCE, python='3.14.9', mmcv='2.1.9'),
        found(REFERENCE, torch='2.1.0a0+32f93b1'),
        found(FORK, torch='2.4.0', mmengine='0.10.8rc1', mmcv='2.3.0', mmdet='3.4.0'),
    ],
)
def test_supported_versions_pass(versions):
    check_versions(versions, fork=False)


@pytest.mark.parametrize(
    ('versions', 'parts'),
    [
        (found(REFERENCE, mmcv='2.2.0'), ['mmcv 2.2.0', '>=2.0.1,<2.2', "pip install 'mmcv-lite>=2.0.1,<2.2'"]),
        (found(REFERENCE, mmcv='2.2.0'), ['pip uninstall -y mmcv mmcv-lite onedl-mmcv && pip install']),
        (found(REFERENCE, mmcv='1.7.2'), ['mmcv 1.7.2']),
        (found(REFERENCE, mmdet='3.2.0'), ['mmdet 3.2.0', 'onedl-mmdetection', "pip install 'mmdet>=3.3,<3.4'"]),
        (found(REFERENCE, mmdet='2.28.2'), ['mmdet 2.28.2']),
        (found(REFERENCE, mmengine='0.7.1'), ['mmengine 0.7.1', "'mmengine>=0.10,<1'"]),
        (found(REFERENCE, torch='1.13.1+cu117'), ['torch 1.13.1+cu117', "'torch>=2.1'"]),
        (found(REFERENCE, numpy='1.24.4'), ['numpy 1.24.4', "'numpy>=1.26,<3'"]),
        (found(REFERENCE, numpy='1.24.4', torch='2.0.1'), ['numpy 1.24.4', 'torch 2.0.1']),
        (found(REFERENCE, python='3.9.18'), ['python 3.9.18', 'use Python 3.10 to 3.14']),
        (found(REFERENCE, python='3.15.0'), ['python 3.15.0']),
        (found(FORK, mmcv='2.1.0'), ['mmcv 2.1.0', 'with onedl-mmdetection', "'onedl-mmcv>=2.3,<2.4'"]),
        (found(FORK, mmengine='0.10.7'), ['mmengine 0.10.7', "'onedl-mmengine>=0.10.8,<1'"]),
        (found(FORK, mmdet='3.6.0'), ['mmdet 3.6.0', "'onedl-mmdetection>=3.4,<3.6'"]),
        (found(FORK, torch='2.3.1'), ['torch 2.3.1', "'torch>=2.4'"]),
        (found(REFERENCE, mmcv='2.3.6'), ['mmcv 2.3.6', 'with mmdetection']),
        (found(REFERENCE, mmcv='0+unknown'), ['mmcv 0+unknown']),
    ],
)
def test_an_unsupported_version_is_one_line_that_says_what_to_do(versions, parts):
    with pytest.raises(RuntimeError) as caught:
        check_versions(versions, fork=False)
    assert '\n' not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ('versions', 'fork', 'command'),
    [
        (found(REFERENCE, mmdet=None), False, "pip install 'mmdet>=3.3,<3.4'"),
        (found(REFERENCE, mmcv=None), False, "To fix: pip install 'mmcv-lite>=2.0.1,<2.2'"),
        (found(REFERENCE, mmengine=None), False, "pip install 'mmengine>=0.10,<1'"),
        (found(FORK, mmdet=None), True, "pip install 'onedl-mmdetection>=3.4,<3.6'"),
        (found(REFERENCE, mmdet=None, mmcv=None, mmengine=None), False, "'mmengine>=0.10,<1' 'mmcv-lite>=2.0.1,<2.2'"),
    ],
)
def test_a_missing_package_is_an_import_error_of_one_line(versions, fork, command):
    with pytest.raises(ImportError) as caught:
        check_versions(versions, fork=fork)
    assert '\n' not in str(caught.value)
    assert 'is not installed' in str(caught.value)
    assert command in str(caught.value)


def test_installing_checks_the_versions_first(monkeypatch):
    monkeypatch.setattr('longtail_det.compat.versions.installed_versions', lambda: found(REFERENCE, mmdet='2.28.2'))
    with pytest.raises(RuntimeError, match=r'mmdet 2\.28\.2'):
        install()


def test_what_is_installed_here_is_found_and_supported():
    versions = installed_versions()
    assert versions['torch'] == torch.__version__
    assert versions['numpy'] == np.__version__
    assert versions.keys() == SUPPORTED['mmdetection'].keys() == SUPPORTED['onedl-mmdetection'].keys()
    check_versions()


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ("__version__ = '3.3.0'\n", '3.3.0'),
        ('__version__: str = "2.1.0"\n', '2.1.0'),
        ("from importlib.metadata import version\n\n__version__ = version('nowhere')\n", '0+unknown'),
    ],
)
def test_versions_are_read_without_importing_the_package(text, expected, tmp_path, monkeypatch):
    package = tmp_path / 'mmdet'
    package.mkdir()
    (package / '__init__.py').write_text("raise AssertionError('imported')\n")
    (package / 'version.py').write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'mmdet', raising=False)
    monkeypatch.setattr('longtail_det.compat.versions._DISTRIBUTIONS', {'mmdet': ('no-such-distribution',)})
    assert installed_versions()['mmdet'] == expected


def test_the_version_of_an_imported_package_is_its_own_word(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '9.9.9')
    assert installed_versions()['torch'] == '9.9.9'


def test_a_folder_that_only_has_the_name_is_no_package(tmp_path, monkeypatch):
    (tmp_path / 'mmdet').mkdir()
    monkeypatch.delitem(sys.modules, 'mmdet', raising=False)
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    monkeypatch.setattr(sys, 'path_importer_cache', {})
    assert installed_versions()['mmdet'] is None


@pytest.mark.parametrize(('fork', 'command'), [(False, "'mmcv>=2.0.1,<2.2'"), (True, "'onedl-mmcv>=2.3,<2.4'")])
def test_the_command_for_the_compiled_mmcv_fits_what_is_installed(fork, command, monkeypatch):
    monkeypatch.setattr('longtail_det.compat.versions.is_fork_installed', lambda: fork)
    assert command in compiled_mmcv_command()
