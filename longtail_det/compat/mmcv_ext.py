"""Puts `mmcv_ops` in the place of mmcv's compiled extension where there is none."""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType

import torch

_NAME = 'mmcv._ext'


def install_mmcv_ops() -> None:
    """Make all of `mmcv.ops` importable: where `mmcv._ext` is not compiled, provide it on torchvision.

    A compiled extension is left alone. One that is there but cannot be loaded (built for another torch) is replaced,
    with a warning that says why. Calling it again changes nothing, and neither does a process in which the finder of
    `startup/` has provided it already.

    Raises:
        ImportError: no compiled extension, and torchvision is missing or does not fit torch.
    """
    mmcv = importlib.import_module('mmcv')
    if _is_extension_loadable():
        return
    spec = backend_spec()
    module = module_from_spec(spec)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    sys.modules[_NAME] = module
    mmcv._ext = module  # type: ignore[attr-defined]


def backend_spec() -> ModuleSpec:
    """Return the spec of the module that takes the place of `mmcv._ext`, for a finder.

    Raises:
        ImportError: torchvision is missing or does not fit torch.
    """
    try:
        from . import mmcv_ops
    # a torchvision built for another torch raises RuntimeError: operator torchvision::nms does not exist
    except (ImportError, RuntimeError, OSError) as error:
        raise _NoTorchvisionError(
            f'torchvision cannot be used ({error}); mmcv without compiled ops needs the one that belongs to torch '
            f'{torch.__version__}: pip install --force-reinstall torch torchvision'
        ) from error
    return ModuleSpec(_NAME, _BackendLoader(mmcv_ops), origin=__file__)


class _NoTorchvisionError(ImportError):
    pass


class _BackendLoader(Loader):
    """A real loader, because mmcv and mmengine ask `pkgutil.find_loader` whether ops are there.

    It holds the ops, because `startup/` lets nothing of longtail_det be imported after the spec was found.
    """

    def __init__(self, ops: ModuleType) -> None:
        self._ops = ops

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to importlib."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill in the ops."""
        vars(module).update(self._ops.OPS, __getattr__=self._ops.missing_op)


def _is_extension_loadable() -> bool:
    try:
        importlib.import_module(_NAME)
    except ModuleNotFoundError:
        return False
    except (ImportError, OSError) as error:
        if isinstance(error, _NoTorchvisionError):
            raise
        warnings.warn(
            f'the compiled ops of mmcv cannot be loaded ({error}); nms, soft_nms, RoIAlign and the focal loss '
            f'run on torchvision instead; for the others build mmcv again for torch {torch.__version__}',
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    return True
