"""The laws of all calibrations: tables from config, hook and checkpoint, the same scores as their functions."""

from __future__ import annotations

import pytest
import torch

from longtail_det import losses
from longtail_det.calibration import CALIBRATIONS, FRACAL, IIF, LogitAdjustment, LogN, NorCal
from longtail_det.functional.calibration import fracal, iif, logit_adjustment, norcal
from longtail_det.losses import ScoreParts
from longtail_det.statistics import ClassStatistics

COUNTS = [3, 10, 40, 100, 101, 800]
DIMS = [1.0, 1.1, 1.4, 1.2, 1.7, 1.9]
STATISTICS = ClassStatistics(COUNTS, [2 * n for n in COUNTS], 900, total_images=1000, fractal_dim=DIMS)
METHODS = {
    'norcal': (NorCal, dict(gamma=0.6)),
    'norcal-probs': (NorCal, dict(gamma=0.6, variant='probs', renormalize=False)),
    'adjustment': (LogitAdjustment, dict(tau=0.7)),
    'adjustment-instance': (LogitAdjustment, dict(count='instance')),
    'iif': (IIF, {}),
    'fracal': (FRACAL, dict(strength=1.5)),
}


def build(name, **changes):
    kind, arguments = METHODS[name]
    return kind(**{'num_classes': 6, 'class_statistics': STATISTICS, **arguments, **changes})


def logits(columns=7, seed=0):
    return 3 * torch.randn(9, columns, generator=torch.Generator().manual_seed(seed))


def test_every_calibration_is_here():
    assert {kind for kind, _ in METHODS.values()} == set(CALIBRATIONS) - {LogN}


def test_they_are_their_functions():
    x, counts, dims = logits(), torch.tensor(COUNTS), torch.tensor(DIMS)
    softmax, odds = ScoreParts(x, softmax=True), ScoreParts.of_probabilities(x.sigmoid())
    expected = {
        'norcal': (norcal(x, counts, 0.6), norcal(x[:, :-1], counts, 0.6, sigmoid=True)),
        'adjustment': (
            logit_adjustment(x, counts, 0.7).softmax(1),
            logit_adjustment(x[:, :-1], counts, 0.7).sigmoid(),
        ),
        'adjustment-instance': (
            logit_adjustment(x, 2 * counts).softmax(1),
            logit_adjustment(x[:, :-1], 2 * counts).sigmoid(),
        ),
        'iif': (iif(x, counts, 1000), iif(x[:, :-1], counts, 1000, sigmoid=True)),
        'fracal': (
            fracal(x, counts, 1000, dims, strength=1.5),
            fracal(x[:, :-1], counts, 1000, dims, strength=1.5, sigmoid=True),
        ),
    }
    for name, (of_softmax, of_odds) in expected.items():
        torch.testing.assert_close(build(name)(softmax), of_softmax)
        found = build(name)(odds)
        torch.testing.assert_close(found[:, :-1], of_odds, rtol=1e-4, atol=1e-6)
        assert torch.equal(found[:, -1:], x[:, -1:].sigmoid()), 'background untouched'


@pytest.mark.parametrize('name', METHODS)
def test_config_hook_and_checkpoint_bring_the_same(name):
    from_config, from_hook, from_checkpoint = build(name), *(build(name, class_statistics=None) for _ in range(2))
    from_hook.set_class_statistics(STATISTICS)
    from_checkpoint.load_state_dict(from_config.state_dict())
    parts = ScoreParts(logits(), softmax=True)
    for calibration in (from_hook, from_checkpoint):
        assert torch.equal(calibration(parts), from_config(parts))


@pytest.mark.parametrize('name', METHODS)
def test_the_config_wins_over_hook_and_checkpoint(name):
    given = build(name)
    other = build(name, class_statistics=ClassStatistics([1] * 6, [1] * 6, 5, total_images=9, fractal_dim=[1.5] * 6))
    expected = given(ScoreParts(logits(), softmax=True))
    given.load_state_dict(other.state_dict())
    given.set_class_statistics(ClassStatistics([2] * 6, [2] * 6, 5, total_images=9, fractal_dim=[1.5] * 6))
    assert torch.equal(given(ScoreParts(logits(), softmax=True)), expected)


@pytest.mark.parametrize('name', METHODS)
def test_without_statistics_the_error_names_both_ways(name):
    with pytest.raises(RuntimeError, match=r'ClassStatisticsHook.*class_statistics="TRAIN.json".*--ann TRAIN.json'):
        build(name, class_statistics=None)(ScoreParts(logits(), softmax=True))


@pytest.mark.parametrize('name', ['iif', 'fracal'])
def test_counts_that_were_not_read_from_a_file_are_refused(name):
    with pytest.raises(ValueError, match='no total_images and fractal_dim; give the path of the training annotations'):
        build(name, class_statistics=dict(image_count=COUNTS, instance_count=COUNTS, num_images=900))


@pytest.mark.parametrize('name', METHODS)
def test_seesaw_is_calibrated_among_its_classes_alone(name):
    """Objectness stays: the mass of all classes and that of background do not move."""
    loss = losses.SeesawLoss(num_classes=6)
    x = logits(columns=8)
    before, after = loss.get_activation(x), build(name)(loss.score_parts(x))
    assert torch.equal(after[:, -1], before[:, -1])
    if name != 'norcal-probs':
        torch.testing.assert_close(after.sum(1), torch.ones(9))
    assert not torch.allclose(after, before, atol=1e-3)


@pytest.mark.parametrize('name', METHODS)
def test_eqlv2_is_calibrated_before_its_objectness(name):
    x = logits()
    foreground = 1 - x[:, -1:].sigmoid()
    alone = build(name)(ScoreParts(x[:, :-1], softmax=False, background=x[:, -1:].sigmoid()))
    found = build(name)(losses.EQLv2(num_classes=6).score_parts(x))
    torch.testing.assert_close(found[:, :-1], alone[:, :-1] * foreground)
    torch.testing.assert_close(found[:, -1], x[:, -1].sigmoid())


@pytest.mark.parametrize(
    ('kind', 'arguments', 'message'),
    [
        (NorCal, dict(variant='odds'), "NorCal: variant='odds'"),
        (NorCal, dict(variant='logits', renormalize=False), 'NorCal: .*renormalize=False'),
        (LogitAdjustment, dict(count='box'), r"count='box'; expected one of \['image', 'instance'\]"),
        (FRACAL, dict(num_classes=0), 'num_classes=0'),
        (FRACAL, dict(num_classes=5), 'num_classes=5, the class statistics hold 6 classes'),
    ],
)
def test_mistakes_are_named(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**{'num_classes': 6, 'class_statistics': STATISTICS, **arguments})


def test_buffers_are_of_the_size_of_the_vocabulary():
    for name in METHODS:
        assert {tuple(value.shape) for value in build(name).state_dict().values()} <= {(6,), ()}
