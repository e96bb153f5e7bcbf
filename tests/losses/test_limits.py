"""Known losses in a limit, and exact zeros where a method promises them."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from longtail_det.functional.calibration import iif

from .catalog import IMAGE_COUNT, IS_TAIL, NUM_CLASSES, STATISTICS, build


def bce(logits, labels):
    target = F.one_hot(labels, NUM_CLASSES + 1)[:, : logits.size(1)].to(logits)
    return F.binary_cross_entropy_with_logits(logits, target, reduction='none')


@pytest.mark.parametrize(('name', 'no_tail'), [('eql', dict(lambda_=0.0)), ('droploss', dict(lambda_=0.0))])
def test_without_a_tail_it_is_bce(name, no_tail, roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES)
    torch.testing.assert_close(build(name, reduction='none', **no_tail)(logits, labels), bce(logits, labels).sum(1))


def test_eql_on_background_is_bce(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES)
    labels = torch.full_like(labels, NUM_CLASSES)
    torch.testing.assert_close(build('eql', reduction='none')(logits, labels), bce(logits, labels).sum(1))


def test_sigmoid_ce_is_bce(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    torch.testing.assert_close(build('sigmoid', reduction='none')(logits, labels), bce(logits, labels).sum(1))


def test_eqlv2_at_gamma_zero_is_scaled_bce(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('eqlv2', gamma=0.0, alpha=3.0, reduction='none')
    weight = torch.where(F.one_hot(labels, NUM_CLASSES + 1).bool(), 1 + 3.0 / 2, 0.5)
    weight[:, -1] = 1  # the background column is never weighted
    torch.testing.assert_close(loss(logits, labels), (bce(logits, labels) * weight).sum(1))


def test_cra_without_a_frequent_class_is_gumbel(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    cra, gumbel = build('cra', max_images=10**6, reduction='none'), build('gumbel', reduction='none')
    torch.testing.assert_close(cra(logits, labels), gumbel(logits, labels))
    torch.testing.assert_close(cra.get_activation(logits), gumbel.get_activation(logits))


def test_gumbel_clamps_in_training_and_not_at_test():
    loss = build('gumbel', reduction='none')
    label = torch.tensor([NUM_CLASSES])
    outside, edge = torch.full((1, NUM_CLASSES + 1), 30.0), torch.full((1, NUM_CLASSES + 1), 10.0)
    torch.testing.assert_close(loss(outside, label), loss(edge, label))
    outside.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(outside, label).sum(), outside)
    assert not gradient.any(), 'no gradient outside the clamp'
    low = torch.full((1, NUM_CLASSES + 1), -4.5, dtype=torch.float64)
    assert (loss.get_activation(low) < loss.get_activation(low + 0.1)).all(), 'the scores are not clamped'


def test_softmax_decoding_is_softmax(roi_batch):
    logits, _ = roi_batch(9, NUM_CLASSES, extra_channels=1)
    torch.testing.assert_close(build('sigmoid-softmax').get_activation(logits), logits.softmax(1))


@pytest.mark.parametrize('name', ['eql', 'eql-gumbel', 'droploss', 'droploss-gumbel'])
def test_muted_terms_have_exactly_no_gradient(name, roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES)
    (gradient,) = torch.autograd.grad(build(name)(logits, labels), logits)
    tail = torch.tensor(IS_TAIL)
    foreground = (labels < NUM_CLASSES)[:, None]
    own = F.one_hot(labels, NUM_CLASSES + 1)[:, :NUM_CLASSES].bool()
    muted = foreground & tail & ~own
    assert muted.any()
    assert (gradient[muted] == 0).all()
    assert (gradient[(foreground & ~tail) | own] != 0).all(), 'and nothing else is muted on foreground RoIs'


def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels, reduction='none')


def test_without_adjustment_it_is_cross_entropy(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('logit-adjusted', tau=0.0, reduction='none')
    torch.testing.assert_close(loss(logits, labels), cross_entropy(logits, labels))


def test_the_adjustment_is_balanced_softmax(roi_batch):
    """Scores weighted by the counts, in training alone; background weighs as much as all classes together."""
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('logit-adjusted', count='instance', reduction='none')
    count = torch.tensor(STATISTICS['instance_count'], dtype=torch.float64)
    weighted = logits.exp() * torch.cat([count, count.sum()[None]])
    expected = -(weighted / weighted.sum(1, keepdim=True)).log().gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(loss(logits, labels), expected)
    torch.testing.assert_close(loss.get_activation(logits), logits.softmax(1))


def test_iif_counts_all_images_of_the_file_as_its_calibration_does(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('iif', class_statistics={**STATISTICS, 'total_images': 1300}, reduction='none')
    scores = iif(logits, torch.tensor(IMAGE_COUNT), 1300)
    torch.testing.assert_close(loss.get_activation(logits), scores)
    torch.testing.assert_close(loss(logits, labels), -scores.log().gather(1, labels[:, None])[:, 0])


def test_iif_scales_at_test_as_in_training(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    loss = build('iif', reduction='none')
    scores = loss.get_activation(logits)
    torch.testing.assert_close(loss(logits, labels), -scores.log().gather(1, labels[:, None])[:, 0])


def test_ecm_weights_are_exact_for_a_single_image():
    """The authors' float32 formula gives 0.946 for a class of one image in LVIS v1; the true value is near 1."""
    from longtail_det.functional.losses import ecm_tables

    margin, weight = ecm_tables(torch.tensor([1, 1_270_140]))
    total = 1_270_141 * 7.3313
    assert weight[0].item() == pytest.approx(1 - 1 / (2 * total), abs=1e-9)
    assert margin[0].item() == pytest.approx(-math.log(total - 1) / 4)
    assert weight[-1].item() == pytest.approx(0.315, abs=1e-3)


def test_a_class_without_images_stays_finite(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES, extra_channels=1)
    empty = dict(STATISTICS, image_count=[0] * NUM_CLASSES)
    for name in ('ecm', 'iif', 'logit-adjusted'):
        assert build(name, class_statistics=empty)(logits, labels).isfinite(), name


@pytest.mark.parametrize(
    ('name', 'probability'),
    [('eql', 1e-3), ('droploss-gumbel', 0.02), ('gumbel', 0.3), ('sigmoid', 0.01), ('eqlv2', 0.1), ('fed', 0.01)],
)
def test_the_prior_is_where_the_scores_start(name, probability):
    loss = build(name, **(dict(test_with_obj=False) if name == 'eqlv2' else {}))
    bias = loss.bias_of_prior(probability)
    logits = torch.full((1, NUM_CLASSES + loss.extra_channels), bias, dtype=torch.float64)
    expected = torch.full((NUM_CLASSES,), probability, dtype=torch.float64)
    torch.testing.assert_close(loss.get_activation(logits)[0, :NUM_CLASSES], expected)


@pytest.mark.parametrize('probability', [0.0, 1.0, -0.1])
def test_a_prior_outside_the_unit_interval_is_named(probability):
    with pytest.raises(ValueError, match=rf'prior probability {probability}; expected a number in \(0, 1\)'):
        build('eql').bias_of_prior(probability)


@pytest.mark.parametrize(
    ('name', 'arguments', 'message'),
    [
        ('eql', dict(lambda_=1.5), r'lambda_=1.5; expected a finite number, at least 0 and at most 1'),
        ('eql', dict(lambda_instances=9), r'EQL: lambda_=0.0505, lambda_instances=9; give one of them'),
        ('droploss', dict(lambda_=None), 'DropLoss: lambda_=None, lambda_instances=None; give one of them'),
        ('eql', dict(lambda_=None, lambda_instances=-1), 'lambda_instances=-1; expected a finite number, at least 0'),
        ('eql', dict(activation='softmax'), "activation='softmax'; expected one of"),
        ('gumbel', dict(logit_clamp=(3, 1)), r'logit_clamp=\(3, 1\); expected \(low, high\)'),
        ('gumbel', dict(logit_clamp=(1,)), 'expected'),
        ('sigmoid', dict(test_activation='tanh'), r"test_activation='tanh'; expected one of \['sigmoid', 'softmax'\]"),
        ('acsl', dict(score_thr=1.0), r'score_thr=1.0; expected a finite number, above 0 and below 1'),
        ('acsl', dict(bg_share=(0.1,)), 'expected a list of 3 numbers'),
        ('group', dict(bins=(10, 10)), r'bins=\(10, 10\); expected ascending instance counts'),
        ('ecm', dict(fg_bg_ratio=0.0), 'fg_bg_ratio=0.0; expected a finite number, above 0'),
        ('logit-adjusted', dict(count='box'), "count='box'; expected one of"),
        ('eql', dict(num_classes=7), 'num_classes=7, the class statistics hold 6 classes'),
        ('cra', dict(class_statistics=dict(STATISTICS, image_count=[1])), 'different lengths'),
        ('cra', dict(class_statistics=dict(image_count=[1])), r"missing keys \['instance_count', 'num_images'\]"),
    ],
)
def test_mistakes_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        build(name, **arguments)
