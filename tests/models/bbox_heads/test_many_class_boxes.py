"""Box regression on demand changes no loss, gradient, refined box or detection of mmdet's head."""

from __future__ import annotations

import copy
import itertools
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict

from longtail_det.models.bbox_heads import ClassDeltas

NUM_CLASSES = 6
TRAIN = ConfigDict(pos_weight=-1)
GIOU = dict(reg_decoded_bbox=True, loss_bbox=dict(type='GIoULoss'))
VARIANTS = {
    'plain': {},
    'decoded': GIOU,
    'smooth': dict(loss_bbox=dict(type='SmoothL1Loss', beta=0.1)),
    'no bias': dict(reg_predictor_cfg=dict(type='Linear', bias=False)),
    'normed': dict(reg_predictor_cfg=dict(type='NormedLinear')),
    'agnostic': dict(reg_class_agnostic=True),
    'branches': dict(num_shared_fcs=1, num_cls_fcs=1, num_reg_fcs=1),
    'seesaw': dict(loss_cls=dict(type='SeesawLoss', num_classes=NUM_CLASSES)),
    'sigmoid': dict(loss_cls=dict(type='SigmoidCE', num_classes=NUM_CLASSES)),
    'no regression': dict(with_reg=False),
}
variants = pytest.mark.parametrize('variant', list(VARIANTS))


def build_pair(variant='plain', dtype=torch.float64):
    """mmdet's head and ours with the same weights; the classes' regressions differ by much."""
    kwargs = dict(in_channels=4, roi_feat_size=3, fc_out_channels=8, num_classes=NUM_CLASSES)
    kwargs = {**kwargs, 'loss_bbox': dict(type='L1Loss'), **VARIANTS[variant]}
    torch.manual_seed(0)
    theirs = MODELS.build(
        {'type': 'Shared2FCBBoxHead' if 'num_shared_fcs' not in kwargs else 'ConvFCBBoxHead', **kwargs}
    )
    theirs.init_weights()
    for name, parameter in theirs.named_parameters():
        torch.nn.init.normal_(parameter, std=0.7 if 'fc_reg' in name else 0.4)
    ours = MODELS.build({'type': 'LongTailBBoxHead', **kwargs})
    ours.load_state_dict(theirs.state_dict())
    return theirs.to(dtype), ours.to(dtype)


def image(foreground, background, seed=0):
    """What mmdet's RoI head hands to its box head, with random boxes."""
    generator = torch.Generator().manual_seed(seed)

    def boxes(number):
        corner = 50 * torch.rand(number, 2, generator=generator, dtype=torch.float64)
        return torch.cat([corner, corner + 5 + 20 * torch.rand(number, 2, generator=generator).double()], dim=1)

    return SimpleNamespace(
        pos_priors=boxes(foreground),
        neg_priors=boxes(background),
        pos_gt_bboxes=boxes(foreground),
        pos_gt_labels=torch.arange(foreground) * 5 % NUM_CLASSES,
        pos_inds=torch.arange(foreground),
        num_gts=foreground,
        pos_is_gt=(torch.arange(foreground) == 0).to(torch.uint8),
    )


def inputs(images, dtype=torch.float64):
    rois = bbox2roi([torch.cat([one.pos_priors, one.neg_priors]) for one in images])
    x = torch.randn(len(rois), 4, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.to(dtype).requires_grad_(), rois.to(dtype)


def losses_and_gradients(head, images):
    x, rois = inputs(images)
    losses = head.loss_and_target(*head(x), rois, images, TRAIN)['loss_bbox']
    sum(value.sum() for name, value in losses.items() if 'loss' in name).backward()
    return losses, {'x': x.grad, **{name: p.grad for name, p in head.named_parameters()}}


@variants
@pytest.mark.parametrize('sizes', [[(5, 7), (3, 2)], [(0, 4)], [(4, 0)]], ids=['mixed', 'background', 'foreground'])
def test_losses_and_gradients_are_mmdets(variant, sizes):
    images = [image(*size, seed=i) for i, size in enumerate(sizes)]
    theirs, ours = build_pair(variant)
    expected, found = losses_and_gradients(theirs, images), losses_and_gradients(ours, images)
    assert list(found[0]) == list(expected[0])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_every_class_has_a_gradient_even_of_no_foreground():
    """DDP waits for each parameter, and weight decay acts on classes that are not there."""
    _, ours = build_pair()
    for sizes in ([(0, 3)], [(0, 0)]):
        ours.zero_grad()
        _, gradients = losses_and_gradients(ours, [image(*size) for size in sizes])
        assert gradients['fc_reg.weight'].shape == (4 * NUM_CLASSES, 8)
        assert not gradients['fc_reg.weight'].any()
        assert not gradients['fc_reg.bias'].any()


def test_steps_of_an_optimizer_are_mmdets():
    pair = build_pair()
    for head in pair:
        optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
        for seed in range(3):
            optimizer.zero_grad()
            losses_and_gradients(head, [image(2, 3, seed)])
            optimizer.step()
    torch.testing.assert_close(*(dict(head.state_dict()) for head in pair))


def test_under_autocast_it_is_close():
    theirs, ours = build_pair(dtype=torch.float32)
    x, rois = inputs([image(6, 6)], torch.float32)
    found = []
    for head in (theirs, ours):
        with torch.autocast('cpu', dtype=torch.bfloat16):
            losses = head.loss_and_target(*head(x), rois, [image(6, 6)], TRAIN)['loss_bbox']
            losses['loss_bbox'].backward()
        found.append((losses['loss_bbox'], head.fc_reg.weight.grad))
    torch.testing.assert_close(found[1][0], found[0][0], rtol=0.02, atol=0)
    torch.testing.assert_close(found[1][1], found[0][1], rtol=0.02, atol=0.02)
    assert found[1][0].dtype == found[0][0].dtype


@pytest.mark.parametrize('variant', [name for name in VARIANTS if name != 'no regression'])
def test_refined_boxes_are_mmdets(variant):
    images = [image(5, 7, 0), image(3, 2, 1)]
    metas = [dict(img_shape=(64, 64))] * 2
    refined = []
    for head in build_pair(variant):
        x, rois = inputs(images)
        cls_score, bbox_pred = head(x)
        results = head.loss_and_target(cls_score, bbox_pred, rois, images, TRAIN)
        results |= dict(cls_score=cls_score, bbox_pred=bbox_pred, rois=rois)
        with torch.no_grad():
            refined.append([result.bboxes for result in head.refine_bboxes(images, results, metas)])
    torch.testing.assert_close(refined[1], refined[0])


CASES = {
    'plain': dict(),
    'default split': dict(nms=dict(type='nms', iou_threshold=0.3, split_thr=10)),
    'agnostic nms': dict(nms=dict(type='nms', iou_threshold=0.5, class_agnostic=True)),
    'soft': dict(nms=dict(type='soft_nms', iou_threshold=0.5, min_score=0.05)),
    'unlimited': dict(max_per_img=-1),
    'no nms': dict(nms=None),
    'nothing': dict(score_thr=1.0),
}


@variants
def test_detections_are_mmdets(variant, subtests):
    for case, rescale, on_demand in itertools.product([*CASES, 'raw'], [False, True], [False, True]):
        with subtests.test(case=case, rescale=rescale, on_demand=on_demand):
            compare_detections(variant, case, rescale, on_demand)


def compare_detections(variant, case, rescale, on_demand):
    theirs, ours = build_pair(variant, torch.float32)
    ours.reg_on_demand = on_demand
    cfg = ConfigDict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=20)
    cfg = None if case == 'raw' else ConfigDict({**cfg, **CASES[case]})
    images = [image(9, 12, 0), image(0, 0, 0), image(8, 5, 1)]
    x, rois = inputs(images, torch.float32)
    metas = [dict(img_shape=(60, 70), scale_factor=(0.5, 0.7))] * len(images)
    found = []
    for head in (theirs, ours):
        cls_score, bbox_pred = head(x)
        assert isinstance(bbox_pred, ClassDeltas) == (
            head is ours and on_demand and variant not in ('normed', 'agnostic', 'no regression')
        )
        sizes = [21, 0, 13]
        deltas = (None,) * 3
        if bbox_pred is not None:
            deltas = bbox_pred.split(sizes) if torch.is_tensor(bbox_pred) else head.bbox_pred_split(bbox_pred, sizes)
        found.append(
            head.predict_by_feat(rois.split(sizes), cls_score.split(sizes), deltas, metas, cfg, rescale=rescale)
        )
    exact = {} if isinstance(bbox_pred, ClassDeltas) else dict(rtol=0, atol=0)
    for one, other in zip(found[1], found[0], strict=True):
        assert set(one.keys()) == set(other.keys())
        for key, expected in other.items():
            torch.testing.assert_close(one[key], expected, **exact)
    if case not in ('nothing', 'raw'):
        assert len(found[1][0]) > 3


def test_layers_with_a_forward_of_their_own_keep_it():
    _, ours = build_pair()
    x, _ = inputs([image(2, 2)])
    handle = ours.fc_reg.register_forward_hook(lambda module, args, out: 2 * out)
    assert torch.is_tensor(ours(x)[1])
    handle.remove()
    assert isinstance(ours(x)[1], ClassDeltas)


def test_tracing_sees_tensors():
    _, ours = build_pair()
    x, _ = inputs([image(2, 2)])
    traced = torch.jit.trace(ours, x.detach(), check_trace=False)
    torch.testing.assert_close(traced(x)[1], ours(x)[1].dense())


def test_heads_that_need_the_tensor_are_told_how_to_get_it():
    _, ours = build_pair()
    x, _ = inputs([image(2, 2)])
    with pytest.raises(AttributeError, match=r"no 'view'.*set reg_on_demand=False"):
        ours(x)[1].view(4, -1)
    assert len(copy.copy(ours(x)[1])) == 4
