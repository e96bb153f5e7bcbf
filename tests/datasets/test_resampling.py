"""Resampling shows the images that mmengine's ClassBalancedDataset shows, and keeps what the dataset offers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.registry import DATASETS
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset

from longtail_det.datasets import LVISDataset, RepeatFactorDataset, resampling
from longtail_det.sampling import repeat_factors

from ..annotation_files import make_records
from .toys import CLASSES, LABELS, KnowingDataset, ToyDataset

IMAGES = st.lists(st.lists(st.integers(0, len(CLASSES) - 1), max_size=5), min_size=1, max_size=12)


# ---- the images of an epoch


@pytest.mark.parametrize('kind', [ToyDataset, KnowingDataset])
@settings(deadline=None)  # a busy machine is no failure
@given(images=IMAGES, threshold=st.floats(0, 1))
def test_indices_are_those_of_class_balanced_dataset(kind, images, threshold):
    ours = RepeatFactorDataset(kind(images), threshold)
    reference = ClassBalancedDataset(ToyDataset(images), threshold)
    assert ours.repeat_indices.tolist() == reference.repeat_indices
    assert ours.repeat_factors.tolist() == reference._get_repeat_factors(reference.dataset, threshold)


@pytest.mark.parametrize('mode', ['image', 'instance'])
def test_factors_are_those_of_the_labels_alone(mode):
    wrapper = RepeatFactorDataset(ToyDataset(LABELS), 0.5, mode=mode)
    assert repeat_factors(LABELS, oversample_thr=0.5, mode=mode).tolist() == wrapper.repeat_factors.tolist()


@pytest.mark.parametrize('filter_cfg', [None, {'filter_empty_gt': True, 'min_size': 32}])
def test_an_lvis_file_is_not_read_image_by_image(filter_cfg, load, monkeypatch):
    lvis_dataset = load(make_records(), filter_cfg=filter_cfg)
    reference = ClassBalancedDataset(lvis_dataset, 0.9)
    monkeypatch.setattr(LVISDataset, 'get_cat_ids', None)
    monkeypatch.setattr(LVISDataset, 'get_data_info', None)
    assert RepeatFactorDataset(lvis_dataset, 0.9).repeat_indices.tolist() == reference.repeat_indices
    assert len(reference) > len(lvis_dataset)


@pytest.mark.parametrize('mode', ['image', 'instance'])
def test_an_image_is_read_once(mode):
    dataset = ToyDataset()
    RepeatFactorDataset(dataset, 0.5, mode=mode)
    assert dataset.reads == len(LABELS)


@pytest.mark.parametrize('kind', [ToyDataset, KnowingDataset])
@pytest.mark.parametrize('mode', ['image', 'instance'])
def test_a_concatenation_is_one_dataset(kind, mode):
    parts = RepeatFactorDataset(ConcatDataset([kind(LABELS[:3]), kind(LABELS[3:])]), 0.5, mode=mode)
    whole = RepeatFactorDataset(kind(), 0.5, mode=mode)
    assert parts.repeat_factors.tolist() == whole.repeat_factors.tolist()
    assert [parts[i]['labels'] for i in range(len(parts))] == [whole[i]['labels'] for i in range(len(whole))]


def test_instances_count_in_instance_mode():
    few = RepeatFactorDataset(ToyDataset([[0], [0], [1], [0]]), 0.9, mode='instance').repeat_factors
    many = RepeatFactorDataset(ToyDataset([[0], [0], [1] * 9, [0]]), 0.9, mode='instance').repeat_factors
    assert few[2] == pytest.approx(math.sqrt(0.9 / math.sqrt(1 / 4 * 1 / 4)))
    assert many[2] == pytest.approx(math.sqrt(0.9 / math.sqrt(1 / 4 * 9 / 12)))


def test_stochastic_rounding_without_its_sampler_is_drawn_once():
    labels = [[0]] * 500 + [[1]] * 50
    dataset = RepeatFactorDataset(ToyDataset(labels), 0.15, rounding='stochastic')
    again = RepeatFactorDataset(ToyDataset(labels), 0.15, rounding='stochastic')
    assert dataset.repeat_indices.tolist() == again.repeat_indices.tolist()
    repeats = np.bincount(dataset.repeat_indices)
    assert set(repeats[:500]) == {1}
    assert set(repeats[500:]) == {1, 2}


# ---- what the dataset offers


@pytest.fixture
def resampled():
    return RepeatFactorDataset(KnowingDataset(), 0.5)


def test_a_position_shows_its_image(resampled):
    for position, image in enumerate(resampled.repeat_indices.tolist()):
        assert resampled[position]['img_id'] == image
        assert resampled.get_data_info(position)['img_id'] == image
        assert resampled.labels_per_image[position].tolist() == sorted(set(LABELS[image]))
    assert resampled[-1]['img_id'] == resampled.repeat_indices[-1]
    assert [item['img_id'] for item in resampled] == resampled.repeat_indices.tolist()


def test_labels_of_a_position_pass_through():
    resampled = RepeatFactorDataset(ToyDataset(), 0.5)
    assert [resampled.get_cat_ids(i) for i in range(len(resampled))] == [LABELS[i] for i in resampled.repeat_indices]


def test_first_positions_show_each_image_once(resampled):
    assert resampled.repeat_indices[resampled.first_positions].tolist() == list(range(len(LABELS)))


def test_metainfo_and_statistics_are_those_before_resampling(resampled):
    assert resampled.metainfo == resampled.dataset.metainfo
    assert resampled.class_statistics == resampled.dataset.class_statistics
    assert not hasattr(RepeatFactorDataset(ToyDataset()), 'class_statistics')


@pytest.mark.parametrize(
    ('indices', 'chosen'),
    [(3, LABELS[:3]), (-3, LABELS[-3:]), ([6, 2, 0], [LABELS[6], LABELS[2], LABELS[0]])],
)
def test_a_subset_is_resampled_by_its_own_frequencies(indices, chosen):
    expected = RepeatFactorDataset(ToyDataset(chosen), 0.9).repeat_indices.tolist()
    whole = RepeatFactorDataset(ToyDataset(), 0.9)
    before = whole.repeat_indices.tolist()
    assert whole.get_subset(indices).repeat_indices.tolist() == expected
    assert whole.repeat_indices.tolist() == before
    whole.get_subset_(indices)
    assert whole.repeat_indices.tolist() == expected


def test_a_config_builds_it_and_lazily_too():
    config = {
        'type': 'mmdet.RepeatFactorDataset',
        'oversample_thr': 0.5,
        'dataset': {'type': ToyDataset, 'lazy_init': True},
    }
    lazy = DATASETS.build({**config, 'lazy_init': True})
    assert lazy.dataset.reads == 0
    assert lazy.metainfo['classes'] == CLASSES
    assert lazy.dataset.reads == 0
    assert lazy.repeat_indices.tolist() == DATASETS.build(config).repeat_indices.tolist()
    assert lazy.dataset.reads == len(LABELS)


def test_the_log_tells_the_length_and_on_request_every_class(monkeypatch):
    logged = []
    monkeypatch.setattr(resampling, 'print_log', lambda text, logger: logged.extend(text.splitlines()))
    RepeatFactorDataset(ToyDataset(), 0.5)
    (summary,) = logged
    assert '2 of 4 classes are repeated, up to 2.00 times; an epoch has 11 images instead of 8' in summary
    RepeatFactorDataset(ToyDataset(), 0.5, log_table=True)
    # class, group, images before, factor, images after
    rows = {line.split()[0]: line.split()[1:] for line in logged if line.startswith(CLASSES)}
    assert rows == {
        'dog': ['r', '0', '1.00', '0.0'],
        'cat': ['r', '1', '2.00', '2.0'],
        'bee': ['r', '2', '1.41', '4.0'],
        'ant': ['r', '6', '1.00', '8.0'],
    }


# ---- mistakes


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'mode': 'box'}, "mode is 'box'"),
        ({'oversample_thr': 100}, 'oversample_thr=100; expected a finite number'),
        ({'rounding': 'floor'}, "rounding is 'floor', expected 'ceil' or 'stochastic'"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_read(options, message):
    dataset = ToyDataset(lazy_init=True)
    with pytest.raises(ValueError, match=message):
        RepeatFactorDataset(dataset, **options)
    assert not dataset._fully_initialized


def test_no_dataset_is_named():
    with pytest.raises(TypeError, match='dataset is a list, expected the config of a dataset'):
        RepeatFactorDataset([1, 2])


def test_a_dataset_without_labels_is_named():
    repeated = RepeatDataset(ToyDataset(), times=2)  # mmengine's has no get_cat_ids
    with pytest.raises(TypeError, match=r'classes of the images of RepeatDataset: .*labels_per_image nor get_cat_ids'):
        RepeatFactorDataset(repeated)
