"""FeatureBank is a deque(maxlen=capacity) per target class, on the device and in buffers."""

from __future__ import annotations

import copy
import itertools
from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.runner import load_state_dict
from torch._subclasses.fake_tensor import DynamicOutputShapeException

from longtail_det.models.memory import FeatureBank

from ...torch_versions import fake_gpu

NUM_CLASSES = 4
TARGETS = [1, 3]
LABELS = st.lists(st.integers(0, NUM_CLASSES), max_size=12)


def make_bank(capacity=3, target_classes=TARGETS, **kwargs):
    sizes = dict(num_classes=NUM_CLASSES, feat_dim=2, target_dim=4)
    return FeatureBank(**{**sizes, 'capacity': capacity, 'target_classes': target_classes, **kwargs})


def rois(labels, first=0):
    """Features and targets that name the RoI they belong to."""
    number = torch.arange(first, first + len(labels), dtype=torch.float32)[:, None]
    return number.expand(-1, 2).clone(), torch.tensor(labels, dtype=torch.long), number.expand(-1, 4) + 0.5


def filled(**kwargs):
    bank = make_bank(**kwargs)
    bank.push(*rois([1, 3, 3, 0, 3, 3, 4, 1]))
    return bank


def assert_same_state(one, other):
    torch.testing.assert_close(dict(one.state_dict()), dict(other.state_dict()), rtol=0, atol=0)


@settings(deadline=None)  # the first example loads PyTorch's kernels
@given(
    steps=st.lists(st.tuples(LABELS, LABELS, st.integers(1, 5)), max_size=8),
    capacity=st.integers(1, 5),
    targets=st.sets(st.integers(0, NUM_CLASSES - 1)),
)
def test_it_is_a_deque_per_class(steps, capacity, targets):
    bank = make_bank(capacity, targets)
    deques = {label: deque(maxlen=capacity) for label in sorted(targets)}
    numbers = itertools.count()
    for pushed, wanted, num_per_class in steps:
        bank.push(*rois(pushed, first := next(numbers)))
        for offset, label in enumerate(pushed):
            if label in deques:
                deques[label].append(first + offset)
        numbers = itertools.count(first + len(pushed))
        assert bank.counts.tolist() == [len(deques.get(label, ())) for label in range(NUM_CLASSES)]

        present = [label for label in deques if label in wanted]
        latest = [(label, n) for label in present for n in list(deques[label])[::-1][:num_per_class]]
        asked = torch.tensor(wanted, dtype=torch.long)
        features, labels, box_targets = bank.sample(asked, num_per_class)
        assert list(zip(labels.tolist(), features[:, 0].tolist(), strict=True)) == latest
        assert torch.equal(box_targets, features[:, :1].expand(-1, 4) + 0.5)

        features, labels, box_targets = bank.sample(asked, num_per_class, 'random')
        drawn = list(zip(labels.tolist(), features[:, 0].tolist(), strict=True))
        assert len(set(drawn)) == len(latest)
        assert all(number in deques[label] for label, number in drawn)
        assert torch.equal(box_targets, features[:, :1].expand(-1, 4) + 0.5)

        for bound in (len(wanted), len(present)):
            *padded, counts = bank.sample_padded(asked, num_per_class, 'recent', bound)
            assert len(counts) == min(bound, len(targets)) * min(num_per_class, capacity)
            for part, compact in zip(padded, bank.sample(asked, num_per_class), strict=True):
                assert torch.equal(part[counts], compact)
            assert not padded[0][~counts].any()
            assert (padded[1][~counts] == NUM_CLASSES).all()


def test_of_one_large_push_the_last_stay():
    bank = make_bank(capacity=3)
    bank.push(*rois([3] * 10))
    assert bank.sample(torch.tensor([3]), 20)[0][:, 0].tolist() == [9, 8, 7]


@pytest.mark.parametrize('strategy', ['recent', 'random'])
def test_what_was_sampled_does_not_change_later(strategy):
    bank = filled()
    features, _, targets = bank.sample(torch.tensor([1, 3]), 3, strategy)
    before = features.clone(), targets.clone()
    bank.push(*rois([1, 3] * 5, first=100))
    assert torch.equal(features, before[0])
    assert torch.equal(targets, before[1])


def test_no_gradient_is_kept():
    bank = make_bank()
    features, labels, targets = rois([1, 3])
    bank.push(features.requires_grad_() * 2, labels, targets)
    assert not bank.features.requires_grad
    assert not bank.sample(labels, 5)[0].requires_grad


def test_a_checkpoint_resumes_exactly_without_knowing_the_classes():
    bank, fresh = filled(), make_bank(target_classes=None)
    fresh.load_state_dict(copy.deepcopy(bank.state_dict()))
    assert fresh.target_classes == TARGETS
    for each in (bank, fresh):
        each.push(*rois([3, 1, 3, 2], first=50))
    assert_same_state(bank, fresh)


def test_a_checkpoint_replaces_another_bank():
    fresh = make_bank(target_classes=None)
    fresh.set_target_classes([0, 1, 2])
    fresh.push(*rois([0, 1, 2, 2]))
    fresh.load_state_dict(filled().state_dict())
    assert_same_state(fresh, filled())


@pytest.mark.parametrize(
    ('config', 'found'),
    [
        (dict(capacity=2, target_classes=None), "'capacity': 3"),
        (dict(feat_dim=5, target_classes=None), "'feat_dim': 2"),
        (dict(target_dim=5, target_classes=None), "'target_dim': 4"),
        (dict(num_classes=9, target_classes=None), "'num_classes': 4"),
        (dict(target_classes=[1, 2]), r"'target_classes': \[1, 3\]"),
    ],
)
def test_another_banks_checkpoint_is_refused_whole(config, found):
    bank = make_bank(**config)
    before = copy.deepcopy(bank.state_dict())
    with pytest.raises(
        RuntimeError, match=rf'is left empty: its checkpoint was written with .*{found}.* the config says'
    ):
        bank.load_state_dict(filled().state_dict())
    load_state_dict(bank, filled().state_dict())  # mmengine's, which only warns
    torch.testing.assert_close(dict(bank.state_dict()), dict(before), rtol=0, atol=0)


def test_a_checkpoint_without_a_whole_bank_leaves_it_empty():
    for part in ({}, dict(written=filled().written)):
        bank = make_bank()
        missing, _ = bank.load_state_dict(part, strict=False)
        assert sorted(missing) == sorted(bank.state_dict())
        assert bank.counts.sum() == 0


@pytest.mark.parametrize(('config', 'chosen'), [(None, [1, 3]), ([2], [2]), ([], [])])
def test_config_wins_over_hook(config, chosen):
    bank = make_bank(target_classes=config)
    bank.set_target_classes([3, 1])
    bank.push(*rois([1]))
    assert bank.target_classes == chosen


def test_a_resume_keeps_what_is_stored():
    bank = make_bank(target_classes=None)
    bank.load_state_dict(filled().state_dict())
    bank.set_target_classes(TARGETS)
    assert_same_state(bank, filled())


def test_other_classes_start_afresh():
    bank = make_bank(target_classes=None)
    bank.load_state_dict(filled().state_dict())
    bank.set_target_classes([0, 1])
    bank.push(*rois([]))
    assert bank.counts.sum() == 0
    assert bank.target_classes == [0, 1]


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision_halves_the_memory(dtype):
    bank = filled(dtype=dtype)
    features, *_ = bank.sample(torch.tensor([3]), 3)
    assert features.dtype == getattr(torch, dtype)
    assert features[:, 0].tolist() == [5, 4, 2]
    assert bank.features.untyped_storage().nbytes() * 2 == filled().features.untyped_storage().nbytes()


def test_to_moves_everything_but_the_counters_type():
    bank = filled().to(torch.float64)
    assert {name: buffer.dtype for name, buffer in bank.named_buffers()} == {
        'features': torch.float64, 'targets': torch.float64,
        'written': torch.int64, 'class_of_row': torch.int64, 'row_of_class': torch.int64,
    }  # fmt: skip
    bank.push(*rois([1], first=9))
    assert bank.sample(torch.tensor([1]), 1)[0].tolist() == [[9, 9]]
    assert {buffer.device.type for buffer in bank.to('meta').buffers()} == {'meta'}


def test_on_a_gpu_nothing_waits_for_the_device():
    """Fake tensors are of a GPU without one, and refuse whatever needs a value or a shape from the device."""
    with fake_gpu():
        bank = make_bank().to('cuda')
        features, labels, targets = (part.to('cuda') for part in rois([1, 3, 4]))
        bank.push(features, labels, targets)
        for strategy in ('recent', 'random'):
            padded = bank.sample_padded(labels, 2, strategy, max_classes=2)
            assert [tuple(part.shape) for part in padded] == [(4, 2), (4,), (4, 4), (4,)]
            assert {part.device.type for part in padded} == {'cuda'}
        assert bank.counts.shape == (NUM_CLASSES,)
        with pytest.raises(DynamicOutputShapeException):
            bank.sample(labels, 2)


def test_memory_is_told():
    with torch.device('meta'):
        lvis = FeatureBank(1203, 1024, 4, target_classes=range(1203))
        half = FeatureBank(1203, 1024, 4, target_classes=range(553), dtype='float16')
    assert lvis.extra_repr() == '1203 classes x 60 x 1024 float32 = 296 MB'
    assert repr(half) == 'FeatureBank(553 classes x 60 x 1024 float16 = 68 MB)'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(capacity=0), 'capacity=0'),
        (dict(dtype='int8'), "dtype='int8'"),
        (dict(target_classes=[1, 4]), r'target classes \[4\]; expected indices in \[0, 4\)'),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_bank(**arguments)


@pytest.mark.parametrize(('num_per_class', 'strategy'), [(0, 'recent'), (3, 'oldest')])
def test_wrong_samples_are_named(num_per_class, strategy):
    with pytest.raises(ValueError, match=f"strategy='{strategy}', num_per_class={num_per_class}"):
        filled().sample(torch.tensor([1]), num_per_class, strategy)


def test_nobody_said_which_classes():
    bank = make_bank(target_classes=None)
    for use in (lambda: bank.push(*rois([1])), lambda: bank.sample(torch.tensor([1]), 2)):
        with pytest.raises(RuntimeError, match=r'no target classes: add dict\(type="ClassStatisticsHook"\).*bank=dict'):
            use()
    with pytest.raises(ValueError, match=r'target classes \[4\]; expected indices in \[0, 4\)'):
        bank.set_target_classes([1, 4])
