from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import warnings
from importlib.abc import MetaPathFinder
from types import ModuleType

import mmcv
import pytest

from longtail_det import compat
from longtail_det.compat import install, mmcv_ops
from longtail_det.compat.mmcv_ext import _BackendLoader, install_mmcv_ops


@pytest.fixture
def backend(monkeypatch):
    """Our `mmcv._ext` in place, whatever mmcv is installed; what was there comes back afterwards."""
    monkeypatch.setitem(sys.modules, 'mmcv._ext', None)
    monkeypatch.setattr(mmcv, '_ext', None, raising=False)
    install_mmcv_ops()
    return sys.modules['mmcv._ext']


@pytest.mark.parametrize(
    'name', ['mmcv.ops', 'mmdet.models', 'mmdet.datasets', 'mmdet.evaluation', 'mmdet.engine', 'mmdet.apis']
)
def test_everything_that_imports_ops_can_be_imported(name):
    importlib.import_module(name)


def test_the_module_is_found_in_each_way_that_mmcv_and_mmengine_look_for_it(backend):
    from mmcv.utils.ext_loader import check_ops_exist
    from mmengine.utils.dl_utils import mmcv_full_available

    assert mmcv._ext is backend
    assert importlib.import_module('mmcv._ext') is backend
    assert importlib.util.find_spec('mmcv._ext').name == 'mmcv._ext'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        assert check_ops_exist()
        assert mmcv_full_available()


def test_sync_batch_norm_can_be_reverted(backend):
    from mmengine.model import revert_sync_batchnorm
    from torch import nn

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        reverted = revert_sync_batchnorm(nn.Sequential(nn.SyncBatchNorm(2)))
    assert not isinstance(reverted[0], nn.SyncBatchNorm)


@pytest.mark.parametrize('name', mmcv_ops.OPS)
def test_the_ops_we_have_are_ours(backend, name):
    assert getattr(backend, name) is getattr(mmcv_ops, name)


@pytest.mark.parametrize('name', ['deform_conv_forward', 'nms_rotated', 'some_op_of_tomorrow'])
def test_any_other_op_says_its_name_and_what_to_install_when_called(backend, name):
    op = getattr(backend, name)
    assert op.__name__ == name
    with pytest.raises(NotImplementedError, match=rf"'{name}'.*install the compiled mmcv: pip") as caught:
        op(1, key=2)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['__wrapped__', '__file__', '__path__', '__test__', '__all__', '_ipython_display_'])
def test_names_with_an_underscore_do_not_exist(backend, name):
    assert not hasattr(backend, name)


def test_inspect_takes_it_for_a_module(backend):
    assert inspect.unwrap(backend) is backend
    assert inspect.getdoc(backend.nms)
    assert inspect.isfunction(backend.deform_conv_forward)


def test_the_environment_report_says_that_nothing_was_compiled(backend):
    assert 'torchvision' in backend.get_compiler_version()
    assert backend.get_compiling_cuda_version() == 'n/a'


def test_installing_twice_changes_nothing(backend):
    install()
    assert sys.modules['mmcv._ext'] is backend


def test_a_compiled_extension_is_left_alone(monkeypatch):
    compiled = ModuleType('mmcv._ext')
    monkeypatch.setitem(sys.modules, 'mmcv._ext', compiled)
    monkeypatch.setattr(mmcv, '_ext', compiled, raising=False)
    install_mmcv_ops()
    assert sys.modules['mmcv._ext'] is mmcv._ext is compiled
    assert not hasattr(compiled, 'nms')


class BrokenBuild(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == 'mmcv._ext':
            raise ImportError('undefined symbol: _ZN3c10')
        return None


def test_an_extension_built_for_another_torch_is_replaced_with_a_warning(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmcv._ext', None)
    monkeypatch.setattr(mmcv, '_ext', None, raising=False)
    monkeypatch.delitem(sys.modules, 'mmcv._ext')
    monkeypatch.setattr(sys, 'meta_path', [BrokenBuild(), *sys.meta_path])
    with pytest.warns(RuntimeWarning, match=r'undefined symbol: _ZN3c10.*run on torchvision'):
        install_mmcv_ops()
    assert isinstance(sys.modules['mmcv._ext'].__spec__.loader, _BackendLoader)


def test_a_missing_torchvision_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmcv._ext', None)
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    monkeypatch.delitem(sys.modules, 'longtail_det.compat.mmcv_ops')
    monkeypatch.delattr(compat, 'mmcv_ops')
    with pytest.raises(ImportError, match=r'torchvision cannot be used.*pip install') as caught:
        install_mmcv_ops()
    assert '\n' not in str(caught.value)
