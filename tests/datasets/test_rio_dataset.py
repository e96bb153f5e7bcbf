"""RIO's dataset resamples like any other, and publishes the classes to replay."""

from __future__ import annotations

import pytest
from mmdet.registry import DATASETS
from mmengine.dataset import RepeatDataset

from longtail_det.datasets import RepeatFactorDataset, RIODataset
from longtail_det.sampling import unwrap

from ..annotation_files import make_records
from .toys import KnowingDataset, ToyDataset

# 40 images of class 0, 20 of class 1, 12 of class 2, 3 of class 3
LABELS = [[0]] * 40 + [[1]] * 20 + [[2]] * 12 + [[3, 3]] * 3


@pytest.mark.parametrize('kind', [ToyDataset, KnowingDataset])
@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({}, [1, 2, 3]),
        ({'max_images': 12}, [2, 3]),
        ({'max_images': 0}, [3]),
        ({'max_images': 40}, [0, 1, 2, 3]),
        ({'target_classes': ['dog', 'ant']}, [0, 3]),
        ({'target_classes': [2, 'cat', 0]}, [0, 2]),
        ({'target_classes': []}, []),
    ],
)
def test_target_classes_follow_the_rule_or_the_list(kind, options, expected):
    dataset = RIODataset(kind(LABELS), **options)
    assert dataset.target_classes == expected
    assert dataset.metainfo == dataset.dataset.metainfo


def test_images_are_resampled_like_any_others():
    options = {'oversample_thr': 0.3, 'mode': 'instance', 'rounding': 'stochastic'}
    rio = RIODataset(ToyDataset(LABELS), **options)
    plain = RepeatFactorDataset(ToyDataset(LABELS), **options)
    assert rio.repeat_indices.tolist() == plain.repeat_indices.tolist()
    assert len(rio) > len(LABELS)


def test_an_image_is_read_once():
    dataset = ToyDataset(LABELS)
    RIODataset(dataset, log_table=True)
    assert dataset.reads == len(LABELS)


def test_an_lvis_file_has_its_own_rare_classes(load):
    dataset = load(make_records(num_images=25))
    rare = dataset.class_statistics.groups['r'].tolist()
    assert 0 < len(rare) < 4
    assert RIODataset(dataset, max_images=0).target_classes == rare


def test_the_choice_passes_through_a_wrapper_even_when_lazy():
    config = {
        'type': RIODataset,
        'lazy_init': True,
        'dataset': {'type': ToyDataset, 'labels': LABELS, 'lazy_init': True},
    }
    assert unwrap(RepeatDataset(config, times=2), 'target_classes').target_classes == [1, 2, 3]


def test_a_subset_chooses_anew():
    dataset = RIODataset(ToyDataset(LABELS))
    assert dataset.get_subset(25).target_classes == [0, 1, 2, 3]
    assert dataset.target_classes == [1, 2, 3]


def test_a_config_builds_it():
    config = {'type': 'mmdet.RIODataset', 'max_images': 12, 'dataset': {'type': ToyDataset, 'labels': LABELS}}
    assert DATASETS.build(config).target_classes == [2, 3]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'max_images': 30, 'target_classes': ['ant']}, 'max_images=30 and target_classes are both given'),
        ({'target_classes': ['ant', 'eel']}, r"target_classes has \['eel'\], expected names of the 4 classes"),
        ({'target_classes': [3, 4]}, r'target_classes has \[4\], .* indices below 4'),
    ],
)
def test_a_wrong_choice_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        RIODataset(ToyDataset(LABELS), **options)
