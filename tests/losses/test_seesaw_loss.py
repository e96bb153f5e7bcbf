"""SeesawLoss takes the place of mmdet's class of that name; every law here is 'the same, but ...'."""

from __future__ import annotations

import pytest
import torch

from longtail_det.losses import SeesawLoss

from ..torch_versions import compiles_in_one_graph

MMDetSeesawLoss = pytest.importorskip('mmdet.models.losses.seesaw_loss').SeesawLoss
MODELS = pytest.importorskip('mmdet.registry').MODELS
NUM_CLASSES = 30


def pair(**kwargs):
    return SeesawLoss(num_classes=NUM_CLASSES, **kwargs), MMDetSeesawLoss(num_classes=NUM_CLASSES, **kwargs)


def batches(roi_batch, num=5, num_rois=64):
    for seed in range(num):
        logits, labels = roi_batch(num_rois, NUM_CLASSES, extra_channels=2, seed=seed, dtype=torch.float32)
        labels[labels < 4] = 0  # a head and a tail
        yield logits, labels, torch.rand(num_rois, generator=torch.Generator().manual_seed(seed)).round(decimals=1)


def total(loss):
    return sum(value.sum() for value in loss.values()) if isinstance(loss, dict) else loss.sum()


@pytest.mark.parametrize(
    ('arguments', 'call'),
    [
        ({}, dict(avg_factor=64.0)),
        ({}, {}),
        ({}, dict(reduction_override='none')),
        ({}, dict(reduction_override='sum')),
        (dict(reduction='sum', loss_weight=0.3), {}),
        (dict(return_dict=False, p=0.5, q=1.0, eps=0.1), dict(avg_factor=10.0)),
        (dict(p=0.0), dict(avg_factor=64.0)),
        (dict(q=0.0), dict(avg_factor=64.0)),
    ],
)
@pytest.mark.parametrize('weighted', [False, True])
def test_five_steps_equal_mmdets(roi_batch, arguments, call, weighted):
    ours, theirs = pair(**arguments)
    for logits, labels, weight in batches(roi_batch):
        weight = weight if weighted else None
        mine, reference = ours(logits, labels, weight, **call), theirs(logits, labels, weight, **call)
        torch.testing.assert_close(mine, reference, rtol=1e-6, atol=1e-6)
        (gradient,) = torch.autograd.grad(total(mine), logits)
        (expected,) = torch.autograd.grad(total(reference), logits)
        torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-6)
    assert {k: v.tolist() for k, v in ours.state_dict().items()} == {
        k: v.tolist() for k, v in theirs.state_dict().items()
    }


def test_the_argument_names_of_mmdet_work_too(roi_batch):
    ours, theirs = pair()
    logits, labels, weight = next(batches(roi_batch))
    call = dict(cls_score=logits, labels=labels, label_weights=weight, avg_factor=64.0)
    mine, reference = ours(**call), theirs(**call)
    torch.testing.assert_close(mine, reference, rtol=1e-6, atol=1e-6)
    ours.eval()
    assert ours(logits, label=labels, weight=weight, avg_factor=64.0) == mine


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda y, w: dict(label=y, labels=y), 'got label and labels, two names of one argument; give one of them'),
        (lambda y, w: dict(labels=y, weight=w, label_weights=w), 'got weight and label_weights, two names'),
        (lambda y, w: dict(weight=w), 'got no label; give the labels of the RoIs as label'),
        (lambda y, w: dict(labels=y, sample_weights=w), "unexpected keyword argument 'sample_weights'"),
    ],
)
def test_a_wrong_call_is_one_line(roi_batch, call, message):
    logits, labels, weight = next(batches(roi_batch))
    with pytest.raises(TypeError, match=message) as error:
        SeesawLoss(num_classes=NUM_CLASSES)(logits, **call(labels, weight))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('labels', [[], [NUM_CLASSES] * 3, [0, 7, NUM_CLASSES]], ids=['no-roi', 'background', 'mixed'])
def test_activation_and_accuracy_equal_mmdets(roi_batch, labels):
    ours, theirs = pair()
    logits, _ = roi_batch(len(labels), NUM_CLASSES, extra_channels=2)
    labels = torch.tensor(labels, dtype=torch.long)
    torch.testing.assert_close(ours.get_activation(logits), theirs.get_activation(logits))
    accuracy, expected = ours.get_accuracy(logits, labels), theirs.get_accuracy(logits, labels)
    assert accuracy.keys() == expected.keys()
    for key, value in expected.items():
        # not their shape and dtype: mmdet's differ where it has nothing to count, which a GPU would have to be asked
        assert accuracy[key].item() == pytest.approx(value.item())
    assert ours.get_cls_channels(NUM_CLASSES) == theirs.get_cls_channels(NUM_CLASSES)


def test_scores_are_probabilities(roi_batch):
    logits, _ = roi_batch(6, NUM_CLASSES, extra_channels=2)
    scores = SeesawLoss(num_classes=NUM_CLASSES).get_activation(logits)
    torch.testing.assert_close(scores.sum(1), torch.ones(6).double())


def test_checkpoints_of_mmdet_load(roi_batch):
    ours, theirs = pair()
    logits, labels, _ = next(batches(roi_batch))
    theirs(logits, labels)
    assert ours.load_state_dict(theirs.state_dict()) == ([], [])
    torch.testing.assert_close(ours.cum_samples, theirs.cum_samples)
    assert ours.cum_samples.dtype == theirs.cum_samples.dtype


def test_the_registry_gives_ours():
    assert type(MODELS.build(dict(type='SeesawLoss', num_classes=3))) is SeesawLoss


@compiles_in_one_graph
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('avg_factor', [None, 9.0])
@pytest.mark.parametrize('case', ['mixed', 'background'])
def test_a_compiled_loss_which_masks_rows_equals_the_eager_one_which_selects_them(
    roi_batch, avg_factor, weighted, case
):
    loss = SeesawLoss(num_classes=NUM_CLASSES).eval()
    logits, labels, weight = next(batches(roi_batch))
    labels = labels if case == 'mixed' else torch.full_like(labels, NUM_CLASSES)
    loss.cum_samples += torch.arange(NUM_CLASSES + 1)
    arguments = (logits, labels, weight if weighted else None, avg_factor)
    eager, compiled = loss(*arguments), torch.compile(loss, backend='eager', fullgraph=True)(*arguments)
    torch.testing.assert_close(compiled, eager)
    gradients = [torch.autograd.grad(total(parts), logits)[0] for parts in (compiled, eager)]
    torch.testing.assert_close(*gradients)


def test_counts_move_only_in_training(roi_batch):
    loss = SeesawLoss(num_classes=NUM_CLASSES).eval()
    logits, labels, _ = next(batches(roi_batch))
    loss(logits, labels)
    assert not loss.cum_samples.any()
    loss.train()(logits, labels)
    assert loss.cum_samples.tolist() == torch.bincount(labels, minlength=NUM_CLASSES + 1).tolist()


def test_needs_no_square_of_the_vocabulary(roi_batch):
    classes, rois = 4000, 16
    loss = SeesawLoss(num_classes=classes)
    logits, labels = roi_batch(rois, classes, extra_channels=2, dtype=torch.float32)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        total(loss(logits, labels)).backward()
    largest = max(event.nbytes() for event in profile.profiler.kineto_results.events() if event.name() == '[memory]')
    assert 0 < largest <= 4 * rois * (classes + 2), 'nothing is larger than the logits themselves'


def test_sigmoid_is_refused():
    with pytest.raises(ValueError, match='use_sigmoid=True does not exist'):
        SeesawLoss(use_sigmoid=True)


@pytest.mark.parametrize('arguments', [dict(p=-1.0), dict(q=-0.1), dict(eps=0.0), dict(eps=1.5)])
def test_values_out_of_range_are_named(arguments):
    (key, value) = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=f'{key}={value}'):
        SeesawLoss(num_classes=3, **arguments)
