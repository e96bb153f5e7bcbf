"""detectron2's box predictor with our RoI losses; a stand-in has its place."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from longtail_det.adapters import detectron2_roi_loss
from longtail_det.losses import FedLoss, SeesawLoss, SigmoidCE
from longtail_det.losses.softmax_loss import SoftmaxCE

from ..losses.catalog import LOSSES, NUM_CLASSES, STATISTICS, build
from .laws import moved, train
from .output_layers import FastRCNNOutputLayers

SIZE = 12


class Proposals(SimpleNamespace):
    def __len__(self):
        return len(self.gt_classes)


def make_predictor(seed=0):
    torch.manual_seed(seed)
    return FastRCNNOutputLayers(SIZE, NUM_CLASSES)


def batch():
    generator = torch.Generator().manual_seed(1)
    proposals = [Proposals(gt_classes=torch.tensor(labels)) for labels in ([0, 6, 3, 6], [5, 6, 1])]
    return torch.randn(7, SIZE, generator=generator), proposals


def losses_of(predictor):
    features, proposals = batch()
    return predictor.train().losses(predictor(features), proposals)


@torch.no_grad()
def scores_of(predictor):
    features, proposals = batch()
    return torch.cat(predictor.eval().predict_probs(predictor(features), proposals))


def test_a_plain_softmax_is_the_hosts():
    plain, ours = make_predictor(), detectron2_roi_loss(make_predictor(), SoftmaxCE(NUM_CLASSES))
    torch.testing.assert_close(losses_of(ours), losses_of(plain))
    torch.testing.assert_close(scores_of(ours), scores_of(plain))
    assert ours.cls_score.weight.shape == plain.cls_score.weight.shape


@pytest.mark.parametrize('name', LOSSES)
def test_every_loss_trains_and_is_decoded_by_its_activation(name):
    loss = build(name)
    predictor = detectron2_roi_loss(make_predictor(), loss)
    history = train(predictor, lambda: losses_of(predictor)['loss_cls'])
    assert history[-1] < history[0]
    features, proposals = batch()
    scores = scores_of(predictor)
    assert scores.shape == (7, NUM_CLASSES + 1)
    torch.testing.assert_close(scores, loss.get_activation(predictor.cls_score(features)).detach())
    assert [len(scores) for scores, _ in predictor.inference(predictor(features), proposals)] == [4, 3]


def test_weights_of_the_classes_are_kept():
    for loss in (SeesawLoss(num_classes=NUM_CLASSES), FedLoss(NUM_CLASSES, class_statistics=STATISTICS)):
        before, after = make_predictor().cls_score, detectron2_roi_loss(make_predictor(), loss).cls_score
        assert after.out_features == NUM_CLASSES + loss.extra_channels
        assert torch.equal(after.weight[:NUM_CLASSES], before.weight[:-1])


def test_a_prior_is_of_the_classes_alone():
    predictor = detectron2_roi_loss(make_predictor(), SigmoidCE(NUM_CLASSES), prior_prob=0.01)
    bias = predictor.cls_score.bias
    torch.testing.assert_close(bias[:-1].sigmoid(), torch.full((NUM_CLASSES,), 0.01))
    assert bias[-1] == make_predictor().cls_score.bias[-1]


def test_the_state_is_in_the_checkpoint_and_a_copy_has_its_own():
    predictor = detectron2_roi_loss(make_predictor(), SeesawLoss(num_classes=NUM_CLASSES))
    other = copy.deepcopy(predictor)
    losses_of(predictor)
    assert moved(predictor.long_tail_loss.cum_samples)
    assert not moved(other.long_tail_loss.cum_samples)
    other.load_state_dict(predictor.state_dict())
    torch.testing.assert_close(losses_of(other), losses_of(predictor))


def test_an_older_predictor_is_named():
    predictor = nn.Module()
    predictor.cls_score = nn.Linear(SIZE, NUM_CLASSES + 1)
    with pytest.raises(ValueError, match='Module has no use_sigmoid_ce; expected the FastRCNNOutputLayers'):
        detectron2_roi_loss(predictor, SigmoidCE(NUM_CLASSES))


def test_another_number_of_classes_is_named():
    with pytest.raises(ValueError, match=r'SigmoidCE\(num_classes=9\) needs a linear classifier of 10 columns'):
        detectron2_roi_loss(make_predictor(), SigmoidCE(9))


def test_a_predictor_that_has_a_loss_is_refused():
    predictor = detectron2_roi_loss(make_predictor(), SeesawLoss(num_classes=NUM_CLASSES))
    with pytest.raises(ValueError, match='the predictor has a SeesawLoss; expected a new predictor'):
        detectron2_roi_loss(predictor, SigmoidCE(NUM_CLASSES + 1))
