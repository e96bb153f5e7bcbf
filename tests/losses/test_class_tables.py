"""Where a loss's class statistics come from, and what it says when there are none."""

from __future__ import annotations

import json

import pytest
import torch

from longtail_det.losses import EQL, DropLoss
from longtail_det.statistics import ClassStatistics

from .catalog import IS_TAIL, LAMBDA, LOSSES, NUM_CLASSES, STATISTICS, build

NEEDING = [name for name, config in LOSSES.items() if 'class_statistics' in config]


def call(loss):
    return loss(torch.zeros(2, NUM_CLASSES + loss.extra_channels), torch.tensor([0, NUM_CLASSES]))


@pytest.mark.parametrize('name', NEEDING)
def test_without_statistics_the_first_step_names_hook_and_key(name):
    loss = build(name, class_statistics=None)
    with pytest.raises(RuntimeError, match=r'no class statistics: .*ClassStatisticsHook.*class_statistics=dict'):
        call(loss)


@pytest.mark.parametrize('name', NEEDING)
def test_hook_config_path_and_checkpoint_bring_the_same(name, tmp_path):
    path = tmp_path / 'statistics.json'
    path.write_text(json.dumps(STATISTICS))
    from_config = build(name)
    from_path = build(name, class_statistics=str(path))
    from_hook = build(name, class_statistics=None)
    from_hook.set_class_statistics(ClassStatistics(**STATISTICS))
    from_checkpoint = build(name, class_statistics=None)
    from_checkpoint.load_state_dict(from_config.state_dict())
    for loss in (from_path, from_hook, from_checkpoint):
        torch.testing.assert_close(loss.state_dict(), from_config.state_dict())
        torch.manual_seed(0)
        expected = call(from_config)
        torch.manual_seed(0)
        torch.testing.assert_close(call(loss), expected)


def test_the_config_wins_over_the_hook():
    loss = build('eql')
    loss.set_class_statistics(ClassStatistics([900] * 6, [900] * 6, 1000))
    assert loss.is_tail.tolist() == IS_TAIL


def test_lambda_is_an_image_count_in_disguise(caplog):
    caplog.set_level('INFO', 'longtail_det')
    counts = dict(image_count=[10, 100, 101, 99388], instance_count=[10, 100, 101, 99388], num_images=99388)
    loss = EQL(num_classes=4, lambda_=1.0062e-3, class_statistics=counts)
    assert loss.is_tail.tolist() == [True, True, False, False], 'LVIS v1: at most 100 images'
    assert len(caplog.messages) == 1, 'said once'
    assert 'takes 2 of 4 classes (r/c/f 1/1/0), those with at most 100 of 99388 annotated' in caplog.messages[0]


def test_the_threshold_itself_is_not_in_the_tail():
    counts = dict(image_count=[50, 51], instance_count=[50, 51], num_images=1000)
    assert EQL(num_classes=2, lambda_=0.051, class_statistics=counts).is_tail.tolist() == [True, False]
    assert LAMBDA > 0


@pytest.mark.parametrize('kind', [EQL, DropLoss])
def test_a_threshold_on_instances(kind, caplog):
    """Images do not matter, and a class of just so many instances is not in the tail."""
    caplog.set_level('INFO', 'longtail_det')
    counts = dict(image_count=[1, 1500, 1, 900], instance_count=[1652, 1651, 5000, 900], num_images=2000)
    loss = kind(num_classes=4, lambda_instances=1652, class_statistics=counts)
    assert loss.is_tail.tolist() == [False, True, False, True]
    assert (
        'lambda_instances=1652 takes 2 of 4 classes (r/c/f 0/0/2), those with at most 1651 training inst'
        in caplog.messages[0]
    )
    assert 'lambda_instances=1652' in repr(loss)
    restored = kind(num_classes=4, lambda_instances=1652)
    restored.load_state_dict(loss.state_dict(), strict=True)
    assert torch.equal(restored.is_tail, loss.is_tail)


@pytest.mark.parametrize('activation', ['sigmoid', 'gumbel'])
def test_equal_tails_give_equal_losses_whatever_the_threshold_counts(activation):
    counts = dict(image_count=[3, 700, 40], instance_count=[3, 700, 40], num_images=1000)
    by_images = EQL(3, lambda_=0.05, activation=activation, class_statistics=counts)
    by_instances = EQL(3, lambda_instances=50, activation=activation, class_statistics=counts)
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(8) % 4
    assert torch.equal(by_images(logits, labels), by_instances(logits, labels))
    nobody = EQL(3, lambda_instances=0, activation=activation, class_statistics=counts)
    assert not nobody.is_tail.any()
