"""A head that computes one class per RoI: parameters, loss, gradients and predictions are those of mmdet's."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.registry import MODELS
from mmdet.structures.mask import BitmapMasks, encode_mask_results
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import nn

from longtail_det.models.mask_heads import EncodedMasks, LabelledMasks, LabelPredictor

from ...torch_versions import CPU_HALF
from ..mmdet_names import TEMPERATURE

CLASSES, CHANNELS, SIZE = 7, 6, (60, 80)
PAIRS = {'LabelFCNMaskHead': 'FCNMaskHead', 'LabelHTCMaskHead': 'HTCMaskHead'}
PREDICTORS = {
    'conv': dict(type='Conv'),
    'no bias': dict(type='Conv', bias=False),
    'normed': dict(type='NormedConv2d'),
    'normed power': {'type': 'NormedConv2d', TEMPERATURE: 7.0, 'power': 0.5, 'eps': 1e-3},
    'normed kernel': dict(type='NormedConv2d', norm_over_kernel=True),
}
every_pair = pytest.mark.parametrize('ours', PAIRS)
every_predictor = pytest.mark.parametrize('predictor', PREDICTORS)
LOSS = dict(type='CrossEntropyLoss', use_mask=True, loss_weight=1.5)
TRAIN_CFG = ConfigDict(mask_size=28)


def build(type_, predictor='conv', **kwargs):
    sizes = dict(num_convs=1, in_channels=CHANNELS, conv_out_channels=CHANNELS, num_classes=CLASSES)
    return MODELS.build({'type': type_, **sizes, 'predictor_cfg': PREDICTORS[predictor], 'loss_mask': LOSS, **kwargs})


def pair(ours, predictor='conv', **kwargs):
    """Our head and mmdet's with the same weights, in float64."""
    torch.manual_seed(0)
    stock, mine = build(PAIRS[ours], predictor, **kwargs), build(ours, predictor, **kwargs)
    mine.load_state_dict(stock.state_dict(), strict=True)
    return mine.double(), stock.double()


def features(count, seed=0, dtype=torch.float64):
    return torch.randn(count, CHANNELS, 14, 14, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def training_batch(counts=(4, 3), classes=CLASSES):
    """RoIs of images with these numbers of positives; never of class 1."""
    generator = torch.Generator().manual_seed(1)
    sampled, truth = [], []
    for count in counts:
        corners = torch.rand(max(count, 1), 2, 2, generator=generator).sort(dim=1).values * 40
        boxes = corners.flatten(1) + torch.tensor([0.0, 0, 9, 9])
        masks = torch.rand(max(count, 1), *SIZE, generator=generator) > 0.5
        labels = torch.randint(2, classes, (count,), generator=generator)
        sampled.append(
            SimpleNamespace(pos_priors=boxes[:count], pos_assigned_gt_inds=torch.arange(count), pos_gt_labels=labels)
        )
        truth.append(InstanceData(masks=BitmapMasks(masks.numpy().astype(np.uint8), *SIZE)))
    return sampled, truth


def forward(head, x):
    return head(x, return_feat=False) if 'HTC' in type(head).__name__ else head(x)


def loss_and_gradients(head, x, batch):
    x = x.clone().requires_grad_()
    head.zero_grad()
    out = head.loss_and_target(forward(head, x), *batch, TRAIN_CFG)
    out['loss_mask']['loss_mask'].sum().backward()
    return out, {'x': x.grad, **{name: parameter.grad for name, parameter in head.named_parameters()}}


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


# --- prediction ---


def detections(counts=(5, 0, 3)):
    generator = torch.Generator().manual_seed(2)
    results = []
    for count in counts:
        corners = torch.rand(count, 2, 2, generator=generator).sort(dim=1).values * torch.tensor([160.0, 120])
        boxes = (corners * 1.2 - 10).flatten(1)
        results.append(InstanceData(bboxes=boxes, labels=torch.randint(CLASSES, (count,), generator=generator)))
    return results, [dict(ori_shape=SIZE, scale_factor=(1.9993, 2.4904))] * len(counts)


def predict(head, x, rescale, threshold=0.5):
    results, metas = detections()
    masks = forward(head, x).split([len(result) for result in results], 0)
    with torch.no_grad():
        test_cfg = ConfigDict(mask_thr_binary=threshold)
        return head.predict_by_feat(masks, results, metas, test_cfg, rescale=rescale)


@every_pair
@pytest.mark.parametrize('rescale', [False, True])
@pytest.mark.parametrize('class_agnostic', [False, True])
@pytest.mark.parametrize('threshold', [0.5, 0.3])
def test_predictions_encode_mmdets_images(ours, rescale, class_agnostic, threshold):
    mine, stock = pair(ours, class_agnostic=class_agnostic)
    x = features(8)
    for found, expected in zip(
        predict(mine, x, rescale, threshold), predict(stock, x, rescale, threshold), strict=True
    ):
        torch.testing.assert_close(found.bboxes, expected.bboxes, rtol=0, atol=0)
        assert found.masks.shape == expected.masks.shape
        if len(found):
            assert isinstance(found.masks, EncodedMasks)
            assert list(found.masks) == encode_mask_results(expected.masks.numpy())


@pytest.mark.parametrize('rescale', [False, True])
@pytest.mark.parametrize(('encode_masks', 'threshold'), [(False, 0.5), (True, -1)])
def test_full_images_on_request(rescale, encode_masks, threshold):
    """Switched off, or soft masks (uint8) asked for by a negative threshold: mmdet's tensors."""
    mine, stock = pair('LabelFCNMaskHead')
    mine.encode_masks = encode_masks
    results = [predict(head, features(8), rescale, threshold) for head in (mine, stock)]
    for found, expected in zip(*results, strict=True):
        # 1 / 255 is what rounding may turn
        assert found.masks.dtype == expected.masks.dtype
        assert (found.masks.int() - expected.masks.int()).abs().max() <= (threshold < 0) if len(found) else True


@every_pair
@every_predictor
def test_class_agnostic_heads_are_mmdets(ours, predictor):
    mine, stock = pair(ours, predictor, class_agnostic=True, **({'with_conv_res': False} if 'HTC' in ours else {}))
    torch.testing.assert_close(forward(mine, features(7)), forward(stock, features(7)), rtol=0, atol=0)
    torch.testing.assert_close(*(loss_and_gradients(head, features(7), training_batch()) for head in (mine, stock)))


# --- what stands for the logits ---


def test_stages_are_averaged_after_the_sigmoid():
    heads, x, labels = [pair('LabelFCNMaskHead', name) for name in ('conv', 'normed')], features(5), torch.arange(5)
    stages = [[mask.sigmoid().detach()[None, :] * 1 for mask in mine(x).split([2, 3], 0)] for mine, _ in heads]
    merged = [torch.cat(parts, 0).mean(dim=0) for parts in zip(*stages, strict=True)]
    expected = torch.stack([stock(x).sigmoid() for _, stock in heads]).mean(dim=0)[range(5), labels]
    found = torch.cat([part.pick(label) for part, label in zip(merged, labels.split([2, 3]), strict=True)])
    torch.testing.assert_close(found, expected)


def test_the_channel_of_each_label_by_index():
    mine, stock = pair('LabelFCNMaskHead')
    labels = torch.tensor([0, 5, 5])
    torch.testing.assert_close(mine(features(3))[range(3), labels], stock(features(3))[range(3), labels])


@pytest.mark.parametrize(
    'use',
    [
        lambda masks: masks + 1,
        lambda masks: masks * 0.5,
        lambda masks: masks.argmax(1),
        lambda masks: masks.shape,
        lambda masks: masks.size(1),
        lambda masks: masks.split([3], 1),
        lambda masks: masks.mean(dim=1),
        lambda masks: masks[0],
        lambda masks: masks[range(2), torch.zeros(2)],
        lambda masks: masks.sigmoid().sigmoid(),
        lambda masks: torch.cat([masks, masks], 0).mean(dim=0).sigmoid(),
        lambda masks: torch.sigmoid(masks),
        lambda masks: torch.cat([masks, torch.zeros(3, CLASSES, 28, 28)]),
        lambda masks: nn.functional.interpolate(masks, scale_factor=2),
    ],
)
def test_logits_of_all_classes_are_refused(use):
    """As PointRend asks for; a wrong mask in silence would be worse."""
    masks = pair('LabelFCNMaskHead')[0](features(3))
    assert isinstance(masks, LabelledMasks)
    with pytest.raises((TypeError, AttributeError), match=r'FCNMaskHead|unsupported operand'):
        use(masks)


def test_layers_and_losses_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'loss_mask is CrossEntropyLoss; expected .* use_mask=True'):
        build('LabelFCNMaskHead', loss_mask=dict(type='CrossEntropyLoss'))
    with pytest.raises(ValueError, match='predictor_cfg builds a ConvTranspose2d; expected Conv or NormedConv2d'):
        LabelPredictor(nn.ConvTranspose2d(3, 3, 1))
    with pytest.raises(ValueError, match='expected a plain 1 x 1 convolution'):
        LabelPredictor(nn.Conv2d(3, 3, 1, padding=1))


def test_the_stock_head_is_one_line_away():
    assert type(build('FCNMaskHead')) is FCNMaskHead
