from __future__ import annotations

import importlib

import pytest
import torch

from longtail_det.compat import mmcv_ops

#: of mmcv that call compiled ops
MODULES = ('mmcv.ops.nms', 'mmcv.ops.roi_align', 'mmcv.ops.focal_loss')
DEVICES = ['cpu', *(['cuda'] if torch.cuda.is_available() else [])]
INSTALLED = importlib.import_module('mmcv._ext')
# A compiled mmcv, where there is one, has to obey the same laws.
BACKENDS = {'torchvision': mmcv_ops} | ({} if INSTALLED.nms is mmcv_ops.nms else {'compiled': INSTALLED})


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


@pytest.fixture(params=BACKENDS)
def ops(request, monkeypatch):
    """mmcv.ops on each backend that can be had on this machine."""
    for module in MODULES:
        monkeypatch.setattr(importlib.import_module(module), 'ext_module', BACKENDS[request.param])
    return importlib.import_module('mmcv.ops')


@pytest.fixture
def our_ops(monkeypatch):
    """mmcv.ops on torchvision, also where mmcv is compiled: for what the compiled ops cannot do on a CPU."""
    for module in MODULES:
        monkeypatch.setattr(importlib.import_module(module), 'ext_module', mmcv_ops)
    return importlib.import_module('mmcv.ops')
