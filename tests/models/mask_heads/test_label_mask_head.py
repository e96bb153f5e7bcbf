"""A head that computes one class per RoI: parameters, loss and gradients are those of mmdet's."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.registry import MODELS
from torch import nn

from longtail_det.models.mask_heads import LabelPredictor

from ...torch_versions import CPU_HALF
from .label_heads import (
    CHANNELS,
    CLASSES,
    LOSS,
    PAIRS,
    build,
    every_pair,
    every_predictor,
    features,
    forward,
    loss_and_gradients,
    pair,
    training_batch,
)


@every_pair
@every_predictor
def test_loss_targets_and_gradients(ours, predictor):
    mine, stock = pair(ours, predictor, **({'with_conv_res': False} if 'HTC' in ours else {}))
    out, gradients = loss_and_gradients(mine, features(7), training_batch())
    expected, expected_gradients = loss_and_gradients(stock, features(7), training_batch())
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(gradients, expected_gradients)
    weight = gradients['conv_logits.weight']
    assert weight.shape == (CLASSES, CHANNELS, 1, 1)
    assert weight[2:].abs().sum() > 0
    # dense with zero rows: weight decay reaches the classes that are absent, as it does with mmdet's
    assert (weight[1] == 0).all()


@every_pair
def test_float32_rounding(ours):
    mine, stock = (head.float() for head in pair(ours, **({'with_conv_res': False} if 'HTC' in ours else {})))
    x = features(7, dtype=torch.float32)
    torch.testing.assert_close(*(loss_and_gradients(head, x, training_batch()) for head in (mine, stock)))


def test_htc_adds_the_features_of_the_stage_before():
    mine, stock = pair('LabelHTCMaskHead')
    x, before = features(7), features(7, seed=1)
    labels = torch.randint(CLASSES, (7,))
    (masks, passed), (logits, expected) = mine(x, before), stock(x, before)
    torch.testing.assert_close(masks.pick(labels), logits[range(7), labels])
    torch.testing.assert_close(passed, expected)
    torch.testing.assert_close(mine(x, before, return_logits=False), expected)


@every_pair
@every_predictor
def test_no_roi_gives_zero_gradients_to_every_parameter(ours, predictor):
    mine, _ = pair(ours, predictor, **({'with_conv_res': False} if 'HTC' in ours else {}))
    out, gradients = loss_and_gradients(mine, features(0), training_batch((0, 0)))
    assert out['loss_mask']['loss_mask'] == 0
    assert all((gradient == 0).all() for gradient in gradients.values())


@every_predictor
@pytest.mark.parametrize('dtype', CPU_HALF)
def test_under_autocast(predictor, dtype):
    mine, stock = (head.float() for head in pair('LabelFCNMaskHead', predictor))
    with torch.autocast('cpu', dtype=dtype):
        out, gradients = loss_and_gradients(mine, features(7, dtype=torch.float32), training_batch())
        expected, expected_gradients = loss_and_gradients(stock, features(7, dtype=torch.float32), training_batch())
    torch.testing.assert_close(out['loss_mask'], expected['loss_mask'], rtol=1e-2, atol=1e-2)
    for name, gradient in gradients.items():
        assert gradient.isfinite().all()
        scale = expected_gradients[name].abs().max()
        torch.testing.assert_close(gradient / scale, expected_gradients[name] / scale, rtol=0.05, atol=0.05)


@every_pair
@pytest.mark.parametrize('agnostic', [False, True])
def test_the_last_layer_can_start_at_detectron2s_deviation(ours, agnostic):
    sizes = dict(num_convs=1, in_channels=64, conv_out_channels=64, num_classes=200, class_agnostic=agnostic)
    torch.manual_seed(0)
    plain = MODELS.build(dict(type=ours, **sizes, loss_mask=LOSS))
    plain.init_weights()
    torch.manual_seed(0)
    head = MODELS.build(dict(type=ours, **sizes, loss_mask=LOSS, logits_std=1e-3))
    head.init_weights()
    weight = head.conv_logits.weight
    assert weight.std().item() == pytest.approx(1e-3, rel=0.3 if agnostic else 0.03)
    assert not head.conv_logits.bias.any()
    changed = [name for name, value in plain.state_dict().items() if not torch.equal(value, head.state_dict()[name])]
    assert changed == ['conv_logits.weight']


@every_pair
def test_same_initial_weights_under_a_seed(ours):
    weights = []
    for type_ in (ours, PAIRS[ours]):
        torch.manual_seed(3)
        head = build(type_)
        head.init_weights()
        weights.append(head.state_dict())
    assert list(weights[0]) == list(weights[1])
    torch.testing.assert_close(*weights, rtol=0, atol=0)


def test_copies_and_pickles():
    """As exponential averages and processes of a data parallel run do."""
    mine, _ = pair('LabelFCNMaskHead')
    expected = mine(features(3)).pick(torch.tensor([0, 3, 6]))
    for head in (copy.deepcopy(mine), pickle.loads(pickle.dumps(mine))):
        torch.testing.assert_close(head(features(3)).pick(torch.tensor([0, 3, 6])), expected)


@every_pair
@every_predictor
def test_class_agnostic_heads_are_mmdets(ours, predictor):
    mine, stock = pair(ours, predictor, class_agnostic=True, **({'with_conv_res': False} if 'HTC' in ours else {}))
    torch.testing.assert_close(forward(mine, features(7)), forward(stock, features(7)), rtol=0, atol=0)
    torch.testing.assert_close(*(loss_and_gradients(head, features(7), training_batch()) for head in (mine, stock)))


def test_layers_and_losses_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'loss_mask is CrossEntropyLoss; expected .* use_mask=True'):
        build('LabelFCNMaskHead', loss_mask=dict(type='CrossEntropyLoss'))
    with pytest.raises(ValueError, match='predictor_cfg builds a ConvTranspose2d; expected Conv or NormedConv2d'):
        LabelPredictor(nn.ConvTranspose2d(3, 3, 1))
    with pytest.raises(ValueError, match='expected a plain 1 x 1 convolution'):
        LabelPredictor(nn.Conv2d(3, 3, 1, padding=1))


def test_the_stock_head_is_one_line_away():
    assert type(build('FCNMaskHead')) is FCNMaskHead
