"""RetinaNet of torchvision with our dense losses."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator

from longtail_det.adapters import torchvision_dense_loss
from longtail_det.losses import EFL, EQFL, EQL, SeesawLoss

from .laws import moved, train_dense

NUM_CLASSES = 5
STATISTICS = dict(image_count=[1, 5, 50, 60, 70], instance_count=[100] * 5, num_images=100)


def make_model(seed=0):
    torch.manual_seed(seed)
    backbone = nn.Sequential(nn.Conv2d(3, 8, 7, stride=8, padding=3), nn.ReLU())
    backbone.out_channels = 8
    anchors = AnchorGenerator(((16, 32),), ((1.0,),))
    return RetinaNet(
        backbone, NUM_CLASSES, min_size=64, max_size=64, anchor_generator=anchors, score_thresh=0.0,
        detections_per_img=20,
    )  # fmt: skip


def batch():
    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(3, 64, 64, generator=generator) for _ in range(3)]
    targets = [
        dict(boxes=torch.tensor([[4.0, 4, 34, 32], [22, 30, 40, 48]]), labels=torch.tensor([0, NUM_CLASSES - 1])),
        dict(boxes=torch.tensor([[12.0, 8, 46, 40]]), labels=torch.tensor([3])),
        dict(boxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)),
    ]
    return images, targets


def losses_of(model):
    return model.train()(*batch())


@torch.no_grad()
def detect(model):
    return model.eval()(batch()[0])


def test_a_balanced_efl_is_torchvisions_focal_loss():
    plain, ours = make_model(), torchvision_dense_loss(make_model(), EFL(NUM_CLASSES, scale=0.0))
    expected = losses_of(plain)
    torch.testing.assert_close(losses_of(ours), expected)
    expected['classification'].backward()
    losses_of(ours)['classification'].backward()
    for theirs, other in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(other.grad, theirs.grad)
    torch.testing.assert_close(detect(ours), detect(plain))


@pytest.mark.parametrize(
    'loss', [EFL(NUM_CLASSES), EQFL(NUM_CLASSES), EQL(NUM_CLASSES, lambda_=0.1, class_statistics=STATISTICS)]
)
def test_dense_losses_train(loss):
    model = torchvision_dense_loss(make_model(), loss)
    train_dense(model, loss, lambda: losses_of(model)['classification'], lr=1e-3)


def test_the_state_is_in_the_checkpoint_and_still_at_test():
    model = torchvision_dense_loss(make_model(), EFL(NUM_CLASSES))
    losses_of(model)
    loss = model.head.classification_head.long_tail_loss
    state = loss.neg_grad.clone()
    assert moved(state)
    other = torchvision_dense_loss(make_model(seed=4), EFL(NUM_CLASSES))
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(losses_of(other), losses_of(model))
    state = loss.neg_grad.clone()
    detect(model)
    assert torch.equal(loss.neg_grad, state)


def test_a_copy_has_a_state_of_its_own():
    model = torchvision_dense_loss(make_model(), EFL(NUM_CLASSES))
    other = copy.deepcopy(model)
    losses_of(other)
    assert moved(other.head.classification_head.long_tail_loss.neg_grad)
    assert not moved(model.head.classification_head.long_tail_loss.neg_grad)


@pytest.mark.parametrize(
    ('loss', 'message'),
    [
        (EFL(NUM_CLASSES + 1), 'EFL has num_classes=6, the RetinaNet 5; make them equal'),
        (SeesawLoss(num_classes=NUM_CLASSES), 'SeesawLoss is no loss of C sigmoids'),
    ],
)
def test_mistakes_are_one_line(loss, message):
    with pytest.raises(ValueError, match=message):
        torchvision_dense_loss(make_model(), loss)
