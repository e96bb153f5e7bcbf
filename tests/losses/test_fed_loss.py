"""FedLoss: the columns are those of `torch.multinomial`, the loss is a loop over them, and a full draw is plain BCE."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from longtail_det.losses import FedLoss

from .catalog import IMAGE_COUNT, NUM_CLASSES, STATISTICS, build

C = 30
COUNT = [3 * c + 1 for c in range(C)]
MANY = dict(image_count=COUNT, instance_count=COUNT, num_images=100)


def make(**changes):
    return FedLoss(**{'num_classes': C, 'num_sampled': 12, 'class_statistics': MANY, **changes})


def drawn_as_released(labels, num_sampled, power):
    """Classes of the batch, background among them, and a draw of the others without replacement."""
    present = labels.unique()
    if len(present) >= num_sampled:
        return [c for c in present.tolist() if c < C]
    probability = torch.cat([torch.tensor(COUNT, dtype=torch.float32) ** power, torch.zeros(1)])
    probability[present] = 0
    drawn = torch.multinomial(probability, num_sampled - len(present), replacement=False)
    return sorted(c for c in torch.cat([present, drawn]).tolist() if c < C)


@pytest.mark.parametrize('labels', [[0, 7, 7, C, 3], [4, 5], [C, C], list(range(20))])
@pytest.mark.parametrize('power', [0.5, 1.0])
def test_the_draw_is_that_of_multinomial(labels, power):
    labels, loss = torch.tensor(labels), make(power=power)
    for seed in range(5):
        torch.manual_seed(seed)
        expected = drawn_as_released(labels, 12, power)
        torch.manual_seed(seed)
        assert loss.sample_classes(labels).tolist() == expected


def test_the_loss_is_a_loop_over_the_drawn_columns(roi_batch):
    logits, labels = roi_batch(9, C)
    loss = make(reduction='none')
    torch.manual_seed(2)
    classes = loss.sample_classes(labels).tolist()
    expected = []
    for x, y in zip(logits.tolist(), labels.tolist(), strict=True):
        expected.append(sum(math.log1p(math.exp(-x[c])) if c == y else math.log1p(math.exp(x[c])) for c in classes))
    torch.manual_seed(2)
    got = loss(logits, labels)
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(got.sum(), logits)
    outside = [c for c in range(C) if c not in classes]
    assert not gradient[:, outside].any()
    target = F.one_hot(labels, C + 1)[:, classes]
    torch.testing.assert_close(gradient[:, classes], logits.detach()[:, classes].sigmoid() - target)


def test_a_draw_of_all_classes_is_bce(roi_batch):
    logits, labels = roi_batch(9, NUM_CLASSES)
    target = F.one_hot(labels, NUM_CLASSES + 1)[:, :NUM_CLASSES].double()
    expected = F.binary_cross_entropy_with_logits(logits, target, reduction='none').sum(1)
    torch.testing.assert_close(build('fed', num_sampled=50, reduction='none')(logits, labels), expected)


def test_frequent_classes_are_drawn_in_proportion_to_the_root_of_their_images():
    loss = build('fed', num_sampled=2)
    labels = torch.tensor([NUM_CLASSES])  # background takes one of the two
    torch.manual_seed(0)
    drawn = torch.cat([loss.sample_classes(labels) for _ in range(4000)]).bincount(minlength=NUM_CLASSES)
    root = torch.tensor(IMAGE_COUNT).sqrt()
    torch.testing.assert_close(drawn / 4000, root / root.sum(), atol=0.02, rtol=0)


def test_a_class_without_images_is_never_drawn_but_learns_when_it_is_there():
    empty = dict(STATISTICS, image_count=[0, *IMAGE_COUNT[1:]])
    loss = build('fed', num_sampled=6, power=0.0, class_statistics=empty)
    assert loss.sample_classes(torch.tensor([1])).tolist() == [1, 2, 3, 4, 5]
    assert 0 in loss.sample_classes(torch.tensor([0])).tolist()


def test_drawn_columns_alone_give_the_same_loss_and_accuracy(roi_batch):
    logits, labels = roi_batch(9, C)
    loss = make()
    torch.manual_seed(3)
    expected = loss(logits, labels, torch.linspace(0, 2, 9), 4.0)
    torch.manual_seed(3)
    classes = loss.sample_classes(labels)
    got = loss.loss_of_columns(logits[:, classes], labels, classes, torch.linspace(0, 2, 9), 4.0)
    torch.testing.assert_close(got, expected)
    low = torch.full_like(logits, -9.0)
    low[:, classes] = logits.detach()[:, classes]
    accuracy = loss.accuracy_of_columns(logits[:, classes], labels, classes)
    torch.testing.assert_close(accuracy, loss.get_accuracy(low, labels))


@pytest.mark.parametrize('arguments', [dict(num_sampled=1), dict(power=-1.0)])
def test_mistakes_are_named(arguments):
    with pytest.raises(ValueError, match=r'expected a (whole|finite) number, at least'):
        make(**arguments)
