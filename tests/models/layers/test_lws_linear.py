"""Weight scaling starts as the first stage's classifier, loads its checkpoint, and can train its scales alone."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn

from longtail_det.engine import freeze
from longtail_det.models import LWSLinear


@pytest.fixture
def first_stage():
    torch.manual_seed(0)
    return nn.Linear(5, 4)


def test_it_loads_the_classifier_of_the_first_stage_and_computes_the_same(first_stage):
    layer = LWSLinear(5, 4)
    layer.scale.data.uniform_()
    layer.load_state_dict(first_stage.state_dict(), strict=True)
    features = torch.randn(6, 5)
    torch.testing.assert_close(layer(features), first_stage(features))
    assert layer.scale.shape == (4, 1)


def test_a_checkpoint_of_its_own_keeps_its_scales():
    layer, copy = LWSLinear(5, 4), LWSLinear(5, 4)
    layer.scale.data.uniform_()
    copy.load_state_dict(layer.state_dict())
    torch.testing.assert_close(copy.scale, layer.scale)


def test_it_equals_its_formula(first_stage):
    layer = LWSLinear(5, 4)
    layer.load_state_dict(first_stage.state_dict())
    layer.scale.data.uniform_(0.5, 2)
    features = torch.randn(6, 5)
    for row, logits in zip(features, layer(features), strict=True):
        for j in range(4):
            expected = layer.scale[j, 0] * (layer.weight[j] @ row) + layer.bias[j]
            torch.testing.assert_close(logits[j], expected)


def test_gradcheck():
    layer = LWSLinear(3, 2).double()
    features = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, s: torch.func.functional_call(layer, {'scale': s}, (x,)),
                                    (features, layer.scale))  # fmt: skip


def test_a_box_head_takes_it_and_trains_its_scales_alone():
    cfg = dict(in_channels=4, fc_out_channels=6, roi_feat_size=1, num_classes=3)
    first = MODELS.build(dict(type='LongTailBBoxHead', **cfg))
    first.init_weights()
    head = MODELS.build(dict(type='LongTailBBoxHead', cls_predictor_cfg=dict(type='LWSLinear'), **cfg))
    head.init_weights()
    assert (head.fc_cls.bias == 0).all(), 'initialized by the head like any classifier'
    head.load_state_dict(first.state_dict(), strict=True)
    freeze(head, trained=['fc_cls.scale'])
    rois = torch.randn(5, 4, 1, 1)
    torch.testing.assert_close(head(rois)[0], first(rois)[0])
    head(rois)[0].square().sum().backward()
    assert [name for name, parameter in head.named_parameters() if parameter.grad is not None] == ['fc_cls.scale']
