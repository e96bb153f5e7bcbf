"""Heads that compute on demand give the tensors of mmdet's heads while torch traces or exports them."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS

from longtail_det.compat import tracing

CHANNELS, CLASSES, ROIS = 6, 7, 3
MASK = dict(num_convs=1, in_channels=CHANNELS, conv_out_channels=CHANNELS, num_classes=CLASSES)
NORMED = dict(type='NormedConv2d')
BOX = dict(in_channels=CHANNELS, fc_out_channels=16, roi_feat_size=14, num_classes=CLASSES)
HEADS = {
    'mask': ('LabelFCNMaskHead', 'FCNMaskHead', MASK),
    'mask, normed': ('LabelFCNMaskHead', 'FCNMaskHead', dict(MASK, predictor_cfg=NORMED)),
    'mask of HTC': ('LabelHTCMaskHead', 'HTCMaskHead', MASK),
    'box': ('LongTailBBoxHead', 'Shared2FCBBoxHead', BOX),
}
needs_exporting = pytest.mark.skipif(
    not hasattr(torch.compiler, 'is_exporting'), reason='this torch does not say whether it exports'
)


@pytest.fixture(params=HEADS)
def pair(request):
    ours, stock, kwargs = HEADS[request.param]
    torch.manual_seed(0)
    stock, ours = MODELS.build(dict(type=stock, **kwargs)), MODELS.build(dict(type=ours, **kwargs))
    ours.load_state_dict(stock.state_dict(), strict=True)
    return ours.eval(), stock.eval()


def outputs(result):
    return list(result) if isinstance(result, (list, tuple)) else [result]


def check(recorded, stock, x):
    with torch.no_grad():
        for found, expected in zip(outputs(recorded(x)), outputs(stock(x)), strict=True):
            torch.testing.assert_close(found, expected)


def test_traced(pair):
    ours, stock = pair
    x = torch.randn(ROIS, CHANNELS, 14, 14)
    traced = torch.jit.trace(ours, (x,))
    check(traced, stock, x + 1)
    assert not all(isinstance(each, torch.Tensor) for each in outputs(ours(x)))  # on demand again


@needs_exporting
@pytest.mark.parametrize('strict', [False, True])
def test_exported(pair, strict):
    ours, stock = pair
    x = torch.randn(ROIS, CHANNELS, 14, 14)
    check(torch.export.export(ours, (x,), strict=strict).module(), stock, x + 1)


def test_an_older_torch_traces_all_the_same(monkeypatch, pair):
    monkeypatch.setattr(tracing, '_is_exporting', lambda: False)
    test_traced(pair)
