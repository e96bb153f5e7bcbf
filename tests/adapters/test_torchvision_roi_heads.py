"""Faster and Mask R-CNN of torchvision with our RoI losses."""

from __future__ import annotations

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.roi_heads import fastrcnn_loss

from longtail_det.adapters import torchvision_roi_loss
from longtail_det.losses import FedLoss, LogitAdjustedCE, SeesawLoss, SigmoidCE
from longtail_det.losses.softmax_loss import SoftmaxCE

from ..losses.catalog import LOSSES, NUM_CLASSES, STATISTICS, build
from .laws import moved, train

CHANNELS = 8
OPTIONS = dict(
    num_classes=NUM_CLASSES + 1, min_size=64, max_size=64, rpn_pre_nms_top_n_train=60, rpn_post_nms_top_n_train=30,
    rpn_pre_nms_top_n_test=60, rpn_post_nms_top_n_test=20, box_score_thresh=0.0, box_detections_per_img=15,
)  # fmt: skip
FEDLOSS = dict(num_classes=NUM_CLASSES, class_statistics=STATISTICS)


def make_model(kind=FasterRCNN, seed=0):
    torch.manual_seed(seed)
    backbone = nn.Sequential(nn.Conv2d(3, CHANNELS, 7, stride=8, padding=3), nn.ReLU())
    backbone.out_channels = CHANNELS
    anchors = AnchorGenerator(((16, 32),), ((0.5, 1.0, 2.0),))
    return kind(backbone, rpn_anchor_generator=anchors, **OPTIONS)


def batch(masks=False):
    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(3, 64, 64, generator=generator) for _ in range(2)]
    targets = [
        dict(boxes=torch.tensor([[4.0, 4, 30, 28], [20, 30, 60, 60]]), labels=torch.tensor([1, NUM_CLASSES])),
        dict(boxes=torch.tensor([[10.0, 8, 50, 40]]), labels=torch.tensor([3])),
    ]
    for target in targets:
        if masks:
            target['masks'] = torch.ones(len(target['labels']), 64, 64, dtype=torch.uint8)
    return images, targets


def losses_of(model, masks=False, seed=5):
    torch.manual_seed(seed)  # torchvision draws the RoIs
    return model.train()(*batch(masks))


@torch.no_grad()
def detect(model):
    return model.eval()(batch()[0])


def test_a_plain_softmax_is_torchvision_in_losses_and_detections():
    plain, ours = make_model(), torchvision_roi_loss(make_model(), SoftmaxCE(NUM_CLASSES))
    torch.testing.assert_close(losses_of(ours), losses_of(plain))
    torch.testing.assert_close(detect(ours), detect(plain))
    assert len(detect(plain)[0]['scores']) == OPTIONS['box_detections_per_img']


def test_weights_of_an_ordinary_model_are_exchangeable():
    plain, ours = make_model(seed=3), torchvision_roi_loss(make_model(), LogitAdjustedCE(**FEDLOSS))
    missing, unexpected = ours.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all('long_tail_loss' in name for name in missing)
    torch.testing.assert_close(detect(ours), detect(plain))


def test_masks_are_torchvisions():
    plain, ours = make_model(MaskRCNN), torchvision_roi_loss(make_model(MaskRCNN), SoftmaxCE(NUM_CLASSES))
    torch.testing.assert_close(losses_of(ours, masks=True), losses_of(plain, masks=True))
    torch.testing.assert_close(detect(ours), detect(plain))
    assert {'masks', 'boxes', 'labels', 'scores'} == set(detect(ours)[0])


@pytest.mark.parametrize('name', LOSSES)
def test_every_loss_trains_and_detects(name):
    model = torchvision_roi_loss(make_model(), build(name))
    predictor = model.roi_heads.box_predictor
    history = train(predictor, lambda: losses_of(model)['loss_classifier'])
    assert history[-1] < history[0]
    for found in detect(model):
        assert found['labels'].min() >= 1
        assert found['labels'].max() <= NUM_CLASSES
        assert found['scores'].isfinite().all()


def columns_of(loss):
    """One RoI of each class and of background, sure of itself: in torchvision's columns, and its labels there."""
    labels = torch.arange(NUM_CLASSES + 1)  # 0 = background
    extra = loss.extra_channels
    logits = torch.zeros(NUM_CLASSES + 1, NUM_CLASSES + extra)
    logits[labels[1:], extra + labels[1:] - 1] = 20.0
    return logits, labels


@pytest.mark.parametrize(
    'loss', [SoftmaxCE(NUM_CLASSES), SigmoidCE(NUM_CLASSES), FedLoss(**FEDLOSS), SeesawLoss(num_classes=NUM_CLASSES)]
)
def test_class_and_background_are_where_each_side_has_them(loss):
    heads = torchvision_roi_loss(make_model(), loss).roi_heads
    logits, labels = columns_of(loss)
    background_column = {0: None, 1: 0, 2: 1}[loss.extra_channels]
    logits[1:] -= 20.0 * (loss.extra_channels < 2)  # sigmoids of other classes are 0
    if background_column is not None:
        logits[0, background_column] = 20.0
        logits[0, loss.extra_channels :] -= 20.0
    if loss.extra_channels == 2:
        logits[1:, 0] = 20.0
    if loss.extra_channels == 0:
        logits[0] = -20.0
    boxes = torch.tensor([[8.0, 8, 40, 40]]).repeat(len(labels), 1)
    deltas = torch.zeros(len(labels), 4 * (NUM_CLASSES + 1))
    _, (scores,), (found,) = heads.postprocess_detections(logits, deltas, [boxes], [(64, 64)])
    assert sorted(found[scores > 0.3].tolist()) == list(range(1, NUM_CLASSES + 1))


@pytest.mark.parametrize('name', ['sigmoid', 'fed', 'seesaw', 'group'])
def test_the_loss_is_that_of_our_labels_and_columns(name):
    loss = build(name).eval()
    heads = torchvision_roi_loss(make_model(), loss).roi_heads
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(9, NUM_CLASSES + loss.extra_channels, generator=generator)
    theirs = torch.tensor([0, 0, 1, 2, 3, 4, 5, 6, 0])
    regression = torch.randn(9, 4 * (NUM_CLASSES + 1), generator=generator), [torch.randn(9, 4, generator=generator)]
    ordered = torch.cat([logits[:, NUM_CLASSES:], logits[:, :NUM_CLASSES]], 1)
    torch.manual_seed(0)
    classification, boxes = heads.losses(ordered, regression[0], [theirs[:4], theirs[4:]], regression[1])
    torch.manual_seed(0)
    expected = loss(logits, torch.where(theirs == 0, NUM_CLASSES, theirs - 1))
    torch.testing.assert_close(classification, expected)
    _, their_boxes = fastrcnn_loss(torch.zeros(9, NUM_CLASSES + 1), regression[0], [theirs], regression[1])
    torch.testing.assert_close(boxes, their_boxes)


def test_weights_of_the_classes_are_kept_where_the_columns_are_others():
    for loss in (SeesawLoss(num_classes=NUM_CLASSES), FedLoss(**FEDLOSS)):
        before = make_model().roi_heads.box_predictor.cls_score
        after = torchvision_roi_loss(make_model(), loss).roi_heads.box_predictor.cls_score
        assert after.out_features == NUM_CLASSES + loss.extra_channels
        assert torch.equal(after.weight[loss.extra_channels :], before.weight[1:])
        assert torch.equal(after.bias[loss.extra_channels :], before.bias[1:])


def test_a_prior_is_where_the_scores_start():
    heads = torchvision_roi_loss(make_model(), FedLoss(**FEDLOSS), prior_prob=0.02).roi_heads
    torch.testing.assert_close(heads.box_predictor.cls_score.bias.sigmoid(), torch.full((NUM_CLASSES,), 0.02))


def test_the_state_is_in_the_checkpoint():
    model = torchvision_roi_loss(make_model(), SeesawLoss(num_classes=NUM_CLASSES))
    losses_of(model)
    counts = model.roi_heads.long_tail_loss.cum_samples
    assert moved(counts)
    other = torchvision_roi_loss(make_model(seed=9), SeesawLoss(num_classes=NUM_CLASSES))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.roi_heads.long_tail_loss.cum_samples, counts)
    torch.testing.assert_close(detect(other), detect(model))
    assert torch.equal(model.roi_heads.long_tail_loss.cum_samples, counts), 'a test counts nothing'


def test_a_model_can_be_copied_and_pickled_whole():
    model = torchvision_roi_loss(make_model(), SeesawLoss(num_classes=NUM_CLASSES))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    for other in (copy.deepcopy(model), torch.load(file, weights_only=False)):
        torch.testing.assert_close(detect(other), detect(model))
        losses_of(other)
        assert not moved(model.roi_heads.long_tail_loss.cum_samples)
        assert moved(other.roi_heads.long_tail_loss.cum_samples)


def test_other_models_are_not_changed():
    torchvision_roi_loss(make_model(), SigmoidCE(NUM_CLASSES))
    plain = make_model()
    logits, labels = torch.randn(4, NUM_CLASSES + 1), torch.tensor([0, 1, 2, 3])
    result, _ = fastrcnn_loss(logits, torch.zeros(4, 4 * (NUM_CLASSES + 1)), [labels], [torch.zeros(4, 4)])
    assert result == F.cross_entropy(logits, labels)
    assert type(plain.roi_heads).__name__ == 'RoIHeads'


@pytest.mark.parametrize(
    ('loss', 'options', 'message'),
    [
        (SigmoidCE(NUM_CLASSES + 1), {}, r'num_classes=7\) needs a linear classifier of 8 columns.*out_features=7'),
        (SeesawLoss(num_classes=NUM_CLASSES), dict(prior_prob=0.1), 'SeesawLoss has no prior bias'),
        (SigmoidCE(NUM_CLASSES), dict(prior_prob=1.0), r'prior_prob=1.0; expected a finite number, above 0'),
    ],
)
def test_mistakes_are_one_line(loss, options, message):
    with pytest.raises(ValueError, match=message):
        torchvision_roi_loss(make_model(), loss, **options)


def test_other_heads_are_refused_and_those_that_have_a_loss():
    model = make_model()

    class OtherHeads(type(model.roi_heads)):
        pass

    model.roi_heads.__class__ = OtherHeads
    with pytest.raises(ValueError, match='the RoI heads are OtherHeads; expected RoIHeads of torchvision'):
        torchvision_roi_loss(model, SigmoidCE(NUM_CLASSES))
    model = torchvision_roi_loss(make_model(), SeesawLoss(num_classes=NUM_CLASSES))
    with pytest.raises(ValueError, match='the RoI heads are LongTailRoIHeads'):
        torchvision_roi_loss(model, SeesawLoss(num_classes=NUM_CLASSES + 1))
