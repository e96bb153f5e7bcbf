"""Each calibration equals the paper's loop, keeps scores scores, and does nothing at strength 0."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.functional.calibration import NORCAL_VARIANTS, fracal, iif, logit_adjustment, logn, norcal

COUNTS = [3, 10, 40, 100, 101, 800]
NUM_CLASSES, NUM_IMAGES = len(COUNTS), 1000
IMAGE_COUNT = torch.tensor(COUNTS)
FRACTAL_DIM = torch.tensor([1.0, 1.1, 1.4, 1.2, 1.7, 1.9], dtype=torch.float64)


def random_logits(columns=NUM_CLASSES + 1, rows=5, seed=0):
    return 4 * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softmax(row):
    powers = [math.exp(x) for x in row]
    return [p / sum(powers) for p in powers]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def normalized(row):
    return [value / sum(row) for value in row]


def norcal_loop(row, gamma, variant, renormalize):
    a = [n**gamma for n in COUNTS] + [1.0]
    if variant == 'logits':
        return softmax([x / each for x, each in zip(row, a, strict=True)])
    powers = softmax(row) if variant == 'probs' or not renormalize else [math.exp(x) for x in row]
    divided = [p / each for p, each in zip(powers, a, strict=True)]
    return normalized(divided) if renormalize else divided


def iif_loop(row):
    return softmax([x * w for x, w in zip(row, [math.log(NUM_IMAGES / n) for n in COUNTS] + [1.0], strict=True)])


def fracal_loop(row, strength):
    w = [math.log10(NUM_IMAGES / n) - math.log10(NUM_CLASSES) for n in COUNTS] + [0.0]
    p = softmax([x + each for x, each in zip(row, w, strict=True)])
    return normalized([each / d**strength for each, d in zip(p, [*FRACTAL_DIM.tolist(), 1.0], strict=True)])


def fracal_sigmoid_loop(row, strength):
    spread = [d**strength for d in FRACTAL_DIM.tolist()]
    scores = []
    for x, n, d in zip(row, COUNTS, spread, strict=True):
        w = math.log10(NUM_IMAGES / n) - math.log10(NUM_CLASSES)
        e = -math.log10(d / sum(spread)) - math.log10(NUM_CLASSES)
        scores.append(sigmoid(x) * sigmoid(x + w + e))
    return scores


SOFTMAX_METHODS = {
    'norcal': (lambda x: norcal(x, IMAGE_COUNT, 0.6), lambda r: norcal_loop(r, 0.6, 'exp', True)),
    'norcal-probs': (
        lambda x: norcal(x, IMAGE_COUNT, 0.6, variant='probs'),
        lambda r: norcal_loop(r, 0.6, 'probs', True),
    ),
    'norcal-logits': (
        lambda x: norcal(x, IMAGE_COUNT, 0.2, variant='logits'),
        lambda r: norcal_loop(r, 0.2, 'logits', True),
    ),
    'adjustment': (
        lambda x: logit_adjustment(x, IMAGE_COUNT, 0.7).softmax(-1),
        lambda r: softmax([
            x - (0.7 * math.log(COUNTS[j] / sum(COUNTS)) if j < NUM_CLASSES else 0) for j, x in enumerate(r)
        ]),
    ),
    'iif': (lambda x: iif(x, IMAGE_COUNT, NUM_IMAGES), iif_loop),
    'fracal': (lambda x: fracal(x, IMAGE_COUNT, NUM_IMAGES, FRACTAL_DIM), lambda r: fracal_loop(r, 2.0)),
}  # fmt: skip


@pytest.mark.parametrize('name', SOFTMAX_METHODS)
def test_a_softmax_method_equals_its_loop_and_its_rows_sum_to_one(name):
    method, loop = SOFTMAX_METHODS[name]
    logits = random_logits()
    expected = torch.tensor([loop(row) for row in logits.tolist()], dtype=torch.float64)
    torch.testing.assert_close(method(logits), expected)
    torch.testing.assert_close(method(logits).sum(1), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(method(logits.float()), expected.float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('variant', ['exp', 'probs'])
def test_without_renormalization_norcal_divides_probabilities(variant):
    logits = random_logits()
    scores = norcal(logits, IMAGE_COUNT, 0.6, variant=variant, renormalize=False)
    expected = [norcal_loop(row, 0.6, 'exp', False) for row in logits.tolist()]
    torch.testing.assert_close(scores, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(scores[:, -1], logits.softmax(1)[:, -1], msg='background untouched')


def test_sigmoid_methods_equal_their_loops():
    logits = random_logits(NUM_CLASSES)
    rows = logits.tolist()
    odds = [[sigmoid(x - 0.6 * math.log(n)) for x, n in zip(row, COUNTS, strict=True)] for row in rows]
    for variant in ('exp', 'probs'):
        found = norcal(logits, IMAGE_COUNT, 0.6, variant=variant, sigmoid=True)
        torch.testing.assert_close(found, torch.tensor(odds, dtype=torch.float64))
    found = fracal(logits, IMAGE_COUNT, NUM_IMAGES, FRACTAL_DIM, strength=1.5, sigmoid=True)
    expected = [fracal_sigmoid_loop(row, 1.5) for row in rows]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    weighted = [[sigmoid(x * math.log(NUM_IMAGES / n)) for x, n in zip(row, COUNTS, strict=True)] for row in rows]
    torch.testing.assert_close(
        iif(logits, IMAGE_COUNT, NUM_IMAGES, sigmoid=True), torch.tensor(weighted, dtype=torch.float64)
    )
    shifted = logit_adjustment(logits, IMAGE_COUNT)
    torch.testing.assert_close(shifted, logit_adjustment(torch.cat([logits, logits[:, :1]], 1), IMAGE_COUNT)[:, :-1])


def test_logn_equals_its_loop_and_leaves_background_alone():
    logits = random_logits()
    mean, var = torch.linspace(-3, 2, NUM_CLASSES + 1), torch.linspace(0, 4, NUM_CLASSES + 1)
    found = logn(logits, mean, var)
    least = min(mean[:-1].tolist())
    for row, expected in zip(found.tolist(), logits.tolist(), strict=True):
        for j in range(NUM_CLASSES):
            value = (expected[j] - mean[j].item() + least) / math.sqrt(max(var[j].item(), 1e-11))
            assert row[j] == pytest.approx(value, rel=1e-6)
        assert row[-1] == expected[-1]
    identity = logn(logits, torch.zeros(NUM_CLASSES + 1), torch.ones(NUM_CLASSES + 1))
    torch.testing.assert_close(identity, logits)


@pytest.mark.parametrize('variant', ['exp', 'probs', 'logits'])
def test_strength_zero_is_the_identity(variant):
    logits = random_logits()
    torch.testing.assert_close(norcal(logits, IMAGE_COUNT, 0.0, variant=variant), logits.softmax(1))
    assert torch.equal(logit_adjustment(logits, IMAGE_COUNT, 0.0), logits)
    classes = logits[:, :-1]
    torch.testing.assert_close(norcal(classes, IMAGE_COUNT, 0.0, variant=variant, sigmoid=True), classes.sigmoid())


def test_without_spread_fracal_is_the_logit_adjustment_of_base_ten():
    logits = random_logits()
    flat = torch.ones(NUM_CLASSES, dtype=torch.float64)
    frequency = fracal(logits, IMAGE_COUNT, NUM_IMAGES, FRACTAL_DIM, strength=0.0)
    torch.testing.assert_close(frequency, fracal(logits, IMAGE_COUNT, NUM_IMAGES, flat))
    shift = math.log10(NUM_IMAGES / sum(COUNTS)) - math.log10(NUM_CLASSES)
    adjusted = logit_adjustment(logits, IMAGE_COUNT, 1 / math.log(10))
    adjusted[:, :-1] += shift
    torch.testing.assert_close(frequency, adjusted.softmax(1))


@given(st.integers(0, 2**31), st.floats(0, 3))
def test_scores_are_scores_whatever_the_logits(seed, strength):
    logits = 30 * random_logits(seed=seed).float()
    dims, counts, classes = FRACTAL_DIM, IMAGE_COUNT * 10000, logits[:, :-1]
    statistics = logits.mean(0), logits.var(0)
    rows_of_one = [
        *(norcal(logits, counts, strength, variant=variant) for variant in NORCAL_VARIANTS),
        logit_adjustment(logits, counts, strength).softmax(1),
        iif(logits, IMAGE_COUNT, NUM_IMAGES),
        fracal(logits, IMAGE_COUNT, NUM_IMAGES, dims, strength=strength),
        logn(logits, *statistics).softmax(1),
    ]
    others = [
        *(norcal(logits, counts, strength, variant=variant, renormalize=False) for variant in ('exp', 'probs')),
        *(norcal(classes, counts, strength, variant=variant, sigmoid=True) for variant in NORCAL_VARIANTS),
        iif(classes, IMAGE_COUNT, NUM_IMAGES, sigmoid=True),
        fracal(classes, IMAGE_COUNT, NUM_IMAGES, dims, strength=strength, sigmoid=True),
    ]
    for scores in (*rows_of_one, *others):
        assert scores.isfinite().all()
        assert ((scores >= 0) & (scores <= 1)).all()
    for scores in rows_of_one:
        torch.testing.assert_close(scores.sum(1), torch.ones(len(logits)))


def test_a_shift_per_class_keeps_the_order_within_a_class_among_rows_with_one_candidate():
    """Only background and one class have probability: then nobody else's shift can move a row."""
    candidates = torch.linspace(-4, 4, 50, dtype=torch.float64)
    for column in range(NUM_CLASSES):
        logits = torch.full((50, NUM_CLASSES + 1), -torch.inf, dtype=torch.float64)
        logits[:, column], logits[:, -1] = candidates, 0.0
        for method in ('norcal', 'norcal-probs', 'adjustment', 'fracal'):
            assert (SOFTMAX_METHODS[method][0](logits)[:, column].diff() > 0).all(), method


def test_a_class_without_images_counts_as_one():
    logits = random_logits()
    none, one = IMAGE_COUNT.clone(), IMAGE_COUNT.clone()
    none[0], one[0] = 0, 1
    assert torch.equal(norcal(logits, none, 0.5), norcal(logits, one, 0.5))
    assert torch.equal(logit_adjustment(logits, none), logit_adjustment(logits, one))
    assert torch.equal(iif(logits, none, NUM_IMAGES), iif(logits, one, NUM_IMAGES))
    assert torch.equal(fracal(logits, none, NUM_IMAGES, FRACTAL_DIM), fracal(logits, one, NUM_IMAGES, FRACTAL_DIM))


def test_no_roi_gives_no_scores():
    for method, _ in SOFTMAX_METHODS.values():
        assert method(torch.zeros(0, NUM_CLASSES + 1)).shape == (0, NUM_CLASSES + 1)


@pytest.mark.parametrize('options', [dict(variant='odds'), dict(variant='logits', renormalize=False)])
def test_a_variant_that_does_not_exist_is_named(options):
    with pytest.raises(ValueError, match='norcal: variant='):
        norcal(random_logits(), IMAGE_COUNT, 0.5, **options)
