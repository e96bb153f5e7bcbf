"""Every kind of released checkpoint, with the names and shapes it has, loads into the model of its config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from torch import nn

from longtail_det.compat.upgrade import compare, detect_source, from_detectron2, from_mmdet2

from .released import RELEASED, Released, detectron2

#: counters that detectron2's frozen batch norm lacks, and class statistics that training or an option fills in
FRESH = {'num_batches_tracked', 'is_tail', 'num_images'}
CONFIGS = Path(__file__).parents[3] / 'configs'


def model_config(released: Released) -> Any:
    return Config.fromfile(CONFIGS / released.config).model


def renamed_of(released: Released) -> Any:
    checkpoint = released.checkpoint()
    source = detect_source(checkpoint, 'x.pth')
    return from_mmdet2(checkpoint) if source == 'mmdet2' else from_detectron2(checkpoint)


@pytest.mark.parametrize('name', RELEASED)
def test_a_released_checkpoint_loads_strictly(name):
    released = RELEASED[name]
    assert len(released.shapes()) == released.num_keys
    renamed = renamed_of(released)
    assert set(renamed.dropped) == set(released.dropped)
    assert len(renamed.weights) == released.num_keys - len(released.dropped)
    model = MODELS.build(model_config(released))
    found = compare(renamed.weights, model)
    assert (found.missing, found.unused, found.wrong_shape) == ((), (), {})
    assert {n.split('.')[-1] for n in found.fresh if '.bank.' not in n} <= FRESH
    model.load_state_dict(found.state, strict=True)


def test_the_gradients_of_eqlv2_come_along():
    released = RELEASED['eqlv2-r50']
    renamed = renamed_of(released)
    for name in ('pos_grad', 'neg_grad'):
        name = f'roi_head.bbox_head.loss_cls.{name}'
        assert torch.equal(renamed.weights[name], released.checkpoint()['state_dict'][name])
    assert list(renamed.dropped.values()) == ['follows from pos_grad and neg_grad']


def test_the_unused_layer_of_the_first_stage_says_why_it_is_dropped():
    reasons = set(renamed_of(RELEASED['gumbel-htc-r101']).dropped.values())
    assert reasons == {'takes in the mask of the stage before, and stage 0 has none'}


def test_rio_gives_the_logits_of_the_original():
    """The original's classifier: 48 g v / |v| times x / |x|."""
    generator = torch.Generator().manual_seed(0)
    names = detectron2(1231, 1230, rio=True)
    prefix = 'roi_heads.box_predictor.cls_score.L'
    g, v = (torch.rand(names[f'{prefix}.weight_{part}'], generator=generator) for part in 'gv')
    assert (g.shape, v.shape) == ((1231, 1), (1231, 1024))
    v = v - 0.5
    weights = from_detectron2({'model': {f'{prefix}.weight_g': g, f'{prefix}.weight_v': v}}).weights
    classifier = MODELS.build(model_config(RELEASED['rio-r50']).roi_head.bbox_head).fc_cls
    state = {name.removeprefix('roi_head.bbox_head.fc_cls.'): value for name, value in weights.items()}
    classifier.load_state_dict(state, strict=True)
    x = torch.randn(6, 1024, generator=generator)
    expected = 48 * nn.functional.normalize(x) @ (g * v / v.norm(dim=1, keepdim=True)).T
    torch.testing.assert_close(classifier(x), expected, rtol=1e-5, atol=1e-4)
