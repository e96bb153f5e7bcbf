"""The targets of dense hosts, and the state that moves after a step."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import box_convert, box_iou

from longtail_det.adapters import sync_after_step
from longtail_det.adapters.dense import box_iou_of_pairs, check_dense, matched_loss
from longtail_det.functional.losses import eqfl_loss
from longtail_det.losses import EFL, EQFL, EQL, EQLv2, FedLoss, SeesawLoss


def test_the_iou_of_pairs_is_the_diagonal_of_all():
    generator = torch.Generator().manual_seed(0)
    boxes, others = torch.rand(2, 50, 4, generator=generator)
    expected = box_iou(*(box_convert(each, 'cxcywh', 'xyxy') for each in (boxes, others))).diagonal()
    torch.testing.assert_close(box_iou_of_pairs(boxes, others), expected)
    assert (expected > 0).sum() > 10


def test_an_empty_box_has_no_iou():
    assert box_iou_of_pairs(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0


def test_queries_without_an_object_are_background_and_the_others_have_their_iou():
    generator = torch.Generator().manual_seed(0)
    logits, boxes = torch.randn(2, 5, 3, generator=generator), torch.rand(2, 5, 4, generator=generator)
    source, objects = (torch.tensor([0, 1]), torch.tensor([4, 0])), torch.rand(2, 4, generator=generator)
    labels, quality = torch.full((10,), 3), torch.zeros(10)
    labels[[4, 5]] = torch.tensor([2, 0])
    quality[[4, 5]] = box_iou_of_pairs(boxes[source], objects)
    expected = eqfl_loss(logits.flatten(0, 1), labels, quality, torch.full((3,), 2.0)).sum() / 7
    result = matched_loss(EQFL(num_classes=3), logits, boxes, source, torch.tensor([2, 0]), objects, 7.0)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize('loss', [EFL(num_classes=3), EQFL(num_classes=3), FedLoss(num_classes=3)])
def test_losses_of_sigmoids_are_dense(loss):
    check_dense(loss)


GUMBEL = EQL(num_classes=3, lambda_=0.1, activation='gumbel')


@pytest.mark.parametrize('loss', [SeesawLoss(num_classes=3), EQLv2(num_classes=3), GUMBEL, torch.nn.CrossEntropyLoss()])
def test_others_are_refused(loss):
    with pytest.raises(ValueError, match=f'{type(loss).__name__} is no loss of C sigmoids; expected EFL'):
        check_dense(loss)


def test_the_state_moves_after_the_step_and_by_the_sum_of_its_calls():
    logits = torch.nn.Parameter(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    labels = torch.tensor([0, 3, 2, 3])
    loss, at_once = EFL(num_classes=3), EFL(num_classes=3)
    optimizer = torch.optim.SGD([logits], lr=0.0)
    handle = sync_after_step(optimizer, torch.nn.ModuleList([loss]))
    first, second = loss(logits, labels), loss(logits, labels)
    assert first == second == at_once(logits, labels), 'both calls of a step see the state of the step before'
    (first + second).backward()
    assert not loss.pos_grad.any()
    optimizer.step()
    torch.testing.assert_close(loss.pos_grad, 2 * at_once.pos_grad)
    handle.remove()
    assert loss(logits, labels) != first
    before = loss.pos_grad.clone()
    optimizer.step()
    torch.testing.assert_close(loss.pos_grad, before)


def test_a_loss_without_state_needs_nothing():
    weight = torch.nn.Parameter(torch.zeros(1, 3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    loss = EQL(
        num_classes=3, lambda_=0.1, class_statistics=dict(image_count=[1] * 3, instance_count=[1] * 3, num_images=9)
    )
    sync_after_step(optimizer, loss)
    loss(weight, torch.tensor([1])).backward()
    optimizer.step()
    assert weight.any()


def steps_of(rank: int, world_size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(24, 4, generator=generator), torch.randint(4, (24,), generator=generator)
    weight, loss = torch.nn.Parameter(torch.zeros(1, 4)), EQLv2(num_classes=3)
    optimizer = torch.optim.SGD([weight], lr=0.0)
    sync_after_step(optimizer, loss)
    for _ in range(2):
        loss(logits[rank::world_size] + weight, labels[rank::world_size]).backward()
        optimizer.step()
    return torch.cat([loss.pos_grad, loss.neg_grad])


def test_two_processes_hold_the_state_of_one(two_processes):
    one = steps_of(0, 1)
    for other in two_processes(steps_of, 2):
        torch.testing.assert_close(other, one)
