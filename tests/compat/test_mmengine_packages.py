"""Python 3.14 and setuptools 82: what mmengine and mmcv call is there."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from longtail_det.compat.mmengine_packages import (
    get_installed_path,
    is_installed,
    provide_find_loader,
    provide_package_paths,
)

AS_IN_NEWER_VERSIONS = """
import pkgutil, sys
if hasattr(pkgutil, 'find_loader'):
    del pkgutil.find_loader
from importlib.machinery import PathFinder
class WithoutPkgResources:
    find_distributions = PathFinder.find_distributions
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name == 'pkg_resources' else PathFinder.find_spec(name, path, target)
sys.meta_path = [WithoutPkgResources if finder is PathFinder else finder for finder in sys.meta_path]
"""
USE = """
from mmengine.config import Config
from mmengine.utils.dl_utils import mmcv_full_available
from mmcv.utils.ext_loader import check_ops_exist
print(Config.fromfile('config.py').model.type, mmcv_full_available(), check_ops_exist())
"""


@pytest.mark.slow
@pytest.mark.parametrize('order', ['import longtail_det', 'import mmcv, mmengine.config, longtail_det'])
def test_a_config_of_mmdet_is_found_and_so_are_the_ops(order, tmp_path):
    (tmp_path / 'config.py').write_text("_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'\n")
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, '-c', f'{AS_IN_NEWER_VERSIONS}{order}\n{USE}']
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == 'MaskRCNN True True\n', done.stderr


def module_of(**names: object) -> ModuleType:
    module = ModuleType('module')
    vars(module).update(names)
    return module


def test_pkgutil_has_a_find_loader_again(monkeypatch):
    monkeypatch.delattr(pkgutil, 'find_loader', raising=False)
    module = module_of(pkgutil=pkgutil)
    provide_find_loader(module)
    assert module.pkgutil.find_loader('json') is find_spec('json').loader
    assert module.pkgutil.find_loader('no_such_module') is None
    assert module.pkgutil.walk_packages is pkgutil.walk_packages
    assert not hasattr(pkgutil, 'find_loader')


def test_what_is_there_stays(monkeypatch):
    monkeypatch.setattr(pkgutil, 'find_loader', len, raising=False)
    monkeypatch.setattr('longtail_det.compat.mmengine_packages.find_spec', lambda name: name)
    module = module_of(pkgutil=pkgutil, is_installed=len, get_installed_path=len)
    provide_find_loader(module)
    provide_package_paths(module)
    assert vars(module).items() >= dict(pkgutil=pkgutil, is_installed=len, get_installed_path=len).items()


def test_packages_are_found_by_either_name():
    folder = str(Path(find_spec('mmcv').origin).parent)
    assert get_installed_path('mmcv') == folder
    (name,) = [name for name in ('mmcv-lite', 'onedl-mmcv') if is_installed(name)] or ['mmcv']
    assert get_installed_path(name) == folder
    assert not is_installed('no_such_package')
    with pytest.raises(ModuleNotFoundError, match='pip install no_such_package'):
        get_installed_path('no_such_package')
