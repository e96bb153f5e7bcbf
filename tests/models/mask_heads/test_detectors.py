"""Whole detectors with label mask heads: losses, gradients and predictions of mmdet's heads with the same weights."""

from __future__ import annotations

import copy
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.structures import InstanceData

from longtail_det.models.mask_heads import EncodedMasks

BASE = Path(__file__).parents[3] / 'configs' / '_base_' / 'models' / 'mask-rcnn_r18_fpn.py'
NUM_CLASSES, SIDE = 5, 96
KINDS = ['MaskRCNN', 'CascadeRCNN', 'HybridTaskCascade', 'MaskScoringRCNN']


def config(kind, ours, normed=False):
    cfg = copy.deepcopy(Config.fromfile(BASE).model)
    roi_head, names = cfg.roi_head, ('LabelFCNMaskHead', 'LabelHTCMaskHead') if ours else ('FCNMaskHead', 'HTCMaskHead')
    assert roi_head.mask_head.type == 'LabelFCNMaskHead'  # the default of every config
    roi_head.bbox_head.num_classes = NUM_CLASSES
    roi_head.mask_head.update(type=names[0], num_classes=NUM_CLASSES, class_agnostic=False, num_convs=1)
    if normed:
        roi_head.mask_head.predictor_cfg = dict(type='NormedConv2d')
    cfg.type = kind
    cfg.test_cfg.rcnn.update(max_per_img=30)
    if kind == 'MaskScoringRCNN':
        roi_head.type = 'MaskScoringRoIHead'
        size = dict(roi_feat_size=14, in_channels=64, conv_out_channels=64, fc_out_channels=64)
        roi_head.mask_iou_head = dict(type='MaskIoUHead', num_convs=1, num_fcs=1, num_classes=NUM_CLASSES, **size)
        cfg.train_cfg.rcnn.mask_thr_binary = 0.5
    elif kind != 'MaskRCNN':
        roi_head.update(num_stages=2, stage_loss_weights=[1, 0.5], bbox_head=[roi_head.bbox_head] * 2)
        cfg.train_cfg.rcnn = [cfg.train_cfg.rcnn] * 2
        roi_head.type = 'CascadeRoIHead'
    if kind == 'HybridTaskCascade':
        roi_head.update(type='HybridTaskCascadeRoIHead', interleaved=True, mask_info_flow=True)
        roi_head.mask_head = [dict(roi_head.mask_head, type=names[1], with_conv_res=stage > 0) for stage in range(2)]
    return cfg


def build_pair(kind, normed=False):
    torch.manual_seed(0)
    stock = MODELS.build(config(kind, ours=False, normed=normed))
    stock.init_weights()
    ours = MODELS.build(config(kind, ours=True, normed=normed))
    ours.load_state_dict(stock.state_dict(), strict=True)
    return ours, stock


def batch():
    generator = torch.Generator().manual_seed(1)
    inputs, samples = torch.rand(2, 3, SIDE, SIDE, generator=generator) * 255, []
    for image in range(2):
        boxes = torch.tensor([[8.0, 10, 40, 50], [30, 40, 90, 88], [50, 4, 80, 30]])[: 3 - image]
        masks = torch.rand(len(boxes), SIDE, SIDE, generator=generator) > 0.4
        # the original is larger than the input, and not by the same factor in both directions
        sample = DetDataSample(
            metainfo=dict(
                img_shape=(SIDE, SIDE),
                pad_shape=(SIDE, SIDE),
                batch_input_shape=(SIDE, SIDE),
                ori_shape=(130, 115),
                scale_factor=(0.834, 0.738),
            )
        )
        labels = torch.tensor([0, 3, 3])[: len(boxes)]
        masks = BitmapMasks(masks.numpy().astype(np.uint8), SIDE, SIDE)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels, masks=masks)
        samples.append(sample)
    return inputs, samples


def losses_and_gradients(model):
    torch.manual_seed(2)  # of the samplers
    inputs, samples = batch()
    losses, _ = model.parse_losses(model.loss(inputs / 64, samples))
    losses.backward()
    return losses, {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize(('kind', 'normed'), [*((kind, False) for kind in KINDS), ('MaskRCNN', True)])
def test_losses_and_gradients(kind, normed):
    ours, stock = build_pair(kind, normed)
    (loss, gradients), (expected, expected_gradients) = losses_and_gradients(ours), losses_and_gradients(stock)
    torch.testing.assert_close(loss, expected)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        if gradient is None:
            assert gradients[name] is None, name
        else:
            torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max()))
    predictors = [gradient for name, gradient in gradients.items() if 'conv_logits.weight' in name]
    assert len(predictors) == (2 if 'Cascade' in kind else 1)
    for gradient in predictors:
        assert (gradient[[1, 2, 4]] == 0).all()
        assert gradient[[0, 3]].abs().sum() > 0


@pytest.mark.parametrize('rescale', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_predictions(kind, rescale):
    ours, stock = build_pair(kind)
    inputs, samples = batch()
    with torch.no_grad():
        found, expected = (
            model.eval().predict(inputs / 64, copy.deepcopy(samples), rescale=rescale) for model in (ours, stock)
        )
    for mine, theirs in zip(found, expected, strict=True):
        mine, theirs = mine.pred_instances, theirs.pred_instances
        assert len(mine) == len(theirs) > 5
        assert isinstance(mine.masks, EncodedMasks)
        for key in ('bboxes', 'scores', 'labels', *(['mask_scores'] if 'mask_scores' in theirs else [])):
            torch.testing.assert_close(mine[key], theirs[key])
        assert mine.masks.shape == theirs.masks.shape
        # a pixel whose value is the threshold up to rounding may turn
        assert (mine.masks.numpy() != theirs.masks.numpy()).sum() <= 2
        assert 0.01 < theirs.masks.float().mean() < 0.99


def assert_nothing_found(instances, type_):
    assert len(instances) == len(instances.masks) == 0
    assert type(instances.masks) is type_
    assert instances.masks.shape == (0, 130, 115)


@pytest.mark.parametrize('encode_masks', [True, False])
@pytest.mark.parametrize('kind', KINDS)
def test_no_detection_at_all(kind, encode_masks):
    ours, stock = build_pair(kind)
    inputs, samples = batch()
    for head in mask_heads(ours):
        head.encode_masks = encode_masks
    for model, type_ in ((ours, EncodedMasks if encode_masks else torch.Tensor), (stock, torch.Tensor)):
        model.roi_head.test_cfg.score_thr = 2.0
        with torch.no_grad():
            for sample in model.eval().predict(inputs / 64, copy.deepcopy(samples)):
                assert_nothing_found(sample.pred_instances, type_)


@pytest.mark.parametrize('kind', KINDS)
def test_no_detection_in_one_image_joins_those_of_another(kind):
    ours, _ = build_pair(kind)
    inputs, samples = batch()
    predict_bbox = ours.roi_head.predict_bbox

    def nothing_in_the_second(*args, **kwargs):
        first, second = predict_bbox(*args, **kwargs)
        return [first, second[:0]]

    ours.roi_head.predict_bbox = nothing_in_the_second
    with torch.no_grad():
        first, second = (sample.pred_instances for sample in ours.eval().predict(inputs / 64, samples))
    assert_nothing_found(second, EncodedMasks)
    if 'mask_scores' in second:
        del first.mask_scores, second.mask_scores
    for parts in ([first, second], [second, first]):
        joined = InstanceData.cat(parts).masks
        assert type(joined) is EncodedMasks
        assert list(joined) == list(first.masks)


def mask_heads(model):
    heads = model.roi_head.mask_head
    return list(heads) if isinstance(heads, torch.nn.ModuleList) else [heads]


@pytest.mark.parametrize('kind', KINDS[:3])
def test_operations_are_counted_as_with_mmdets_heads(kind):
    counted = []
    for model in build_pair(kind):
        inputs, samples = batch()
        model.forward = partial(model.eval().forward, data_samples=samples)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of the tracer
            result = get_model_complexity_info(model, None, inputs=inputs / 64, show_table=False, show_arch=False)
        counted.append((result['flops'], result['params']))
    assert counted[0] == counted[1]
    assert counted[0][0] > 1e6


def test_a_forward_for_counting_operations():
    for kind in KINDS[:3]:
        ours, _ = build_pair(kind)
        inputs, samples = batch()
        with torch.no_grad():
            assert ours.eval()(inputs / 64, samples, mode='tensor')
