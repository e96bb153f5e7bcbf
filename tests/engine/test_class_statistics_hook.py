"""The hook gives every module that asks the statistics of the training data, through any wrapper."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS
from mmengine.dataset import BaseDataset, ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.runner import BaseLoop, IterBasedTrainLoop

from longtail_det.datasets import RIODataset
from longtail_det.engine import ClassStatisticsHook, find_class_statistics, find_file_statistics
from longtail_det.statistics import ClassStatistics

from ..annotation_files import make_records

LABELS = [[0, 0, 1], [1], [], [2, 1, 2, 2]]
EXPECTED = ClassStatistics([1, 3, 1], [2, 3, 3], num_images=3, names=('a', 'b', 'c'))


class ToyDataset(BaseDataset):
    """Images with labels; its statistics can only be had by counting."""

    METAINFO: ClassVar = dict(classes=('a', 'b', 'c'))

    def load_data_list(self):
        def instances(labels):
            crowd = [dict(bbox_label=0, ignore_flag=1)]
            return crowd + [dict(bbox_label=c, ignore_flag=0) for c in labels]

        return [dict(img_id=i, instances=instances(labels)) for i, labels in enumerate(LABELS)]

    def get_cat_ids(self, idx):
        return LABELS[idx]


class KnowingDataset(ToyDataset):
    class_statistics = EXPECTED

    def get_data_info(self, idx):
        raise AssertionError('a dataset that knows its statistics is not counted')


class Taker(torch.nn.Module):
    def set_class_statistics(self, stats):
        self.stats = stats


@pytest.mark.parametrize('kind', [ToyDataset, KnowingDataset])
@pytest.mark.parametrize(
    'wrap',
    [
        lambda data: data,
        lambda data: RepeatDataset(data, times=3),
        lambda data: ClassBalancedDataset(data, oversample_thr=0.9),
    ],
    ids=['bare', 'repeated', 'resampled'],
)
def test_statistics_are_those_before_resampling(kind, wrap):
    assert find_class_statistics(wrap(kind())) == EXPECTED


def test_a_concatenation_is_the_sum():
    both = find_class_statistics(ConcatDataset([ToyDataset(), ToyDataset()]))
    assert both == ClassStatistics([2, 6, 2], [4, 6, 6], num_images=6, names=('a', 'b', 'c'))


def test_different_classes_cannot_be_summed():
    other = KnowingDataset()
    other.class_statistics = ClassStatistics([1], [1], 1, ('z',))
    parts = SimpleNamespace(datasets=[ToyDataset(), other])
    with pytest.raises(ValueError, match='different classes'):
        find_class_statistics(parts)


def test_a_dataset_without_annotations_is_named():
    with pytest.raises(TypeError, match=r'from ndarray: .*LVISDataset.*class_statistics='):
        find_class_statistics(np.zeros(3))


def runner_of(model, dataset):
    return SimpleNamespace(model=model, train_dataloader=SimpleNamespace(dataset=dataset))


@pytest.mark.parametrize('wrapped', [False, True])
def test_every_module_that_asks_is_given_them(wrapped):
    takers = [Taker(), Taker()]
    model = torch.nn.Sequential(takers[0], torch.nn.Sequential(torch.nn.Linear(1, 1), takers[1]))
    model = torch.nn.DataParallel(model) if wrapped else model
    ClassStatisticsHook().before_train(runner_of(model, ToyDataset()))
    assert [taker.stats for taker in takers] == [EXPECTED, EXPECTED]


class TargetTaker(torch.nn.Module):
    targets = None

    def set_target_classes(self, indices):
        self.targets = indices


@pytest.mark.parametrize('wrapped', [False, True])
def test_target_classes_of_rio_are_carried_to_who_asks(wrapped):
    model = torch.nn.Sequential(TargetTaker(), torch.nn.Linear(1, 1))
    config = dict(type=RIODataset, dataset=dict(type=ToyDataset), target_classes=['c', 'a'])
    dataset = RepeatDataset(config, times=3) if wrapped else DATASETS.build(config)
    ClassStatisticsHook().before_train(runner_of(model, dataset))
    assert model[0].targets == [0, 2]


def test_without_rio_the_paper_chooses_the_target_classes():
    taker = TargetTaker()
    data = KnowingDataset()
    data.class_statistics = ClassStatistics([5, 30, 31], [5, 30, 31], 600, ('a', 'b', 'c'))
    ClassStatisticsHook().before_train(runner_of(taker, data))
    assert taker.targets == [0, 1]


def test_nobody_asks_nothing_is_counted():
    ClassStatisticsHook().before_train(runner_of(torch.nn.Linear(1, 1), dataset=None))


class FileTaker(Taker):
    needs_annotation_file, table_given, stats = True, False, None


def test_a_module_that_needs_the_file_is_given_its_statistics(load):
    records = make_records()
    records['images'].append({**records['images'][0], 'id': 999, 'file_name': 'empty.jpg'})
    dataset = load(records, filter_cfg=dict(filter_empty_gt=True))
    takers = [FileTaker(), Taker()]
    ClassStatisticsHook().before_train(runner_of(torch.nn.Sequential(*takers), RepeatDataset(dataset, times=2)))
    of_file, of_dataset = (taker.stats for taker in takers)
    assert of_file.names == of_dataset.names
    assert of_file.total_images > len(dataset), 'images that the dataset leaves out count too'
    assert of_file.fractal_dim.shape == of_file.image_count.shape
    assert of_dataset.fractal_dim is None


def test_a_table_of_the_config_needs_no_file():
    taker = FileTaker()
    taker.table_given = True
    ClassStatisticsHook().before_train(runner_of(torch.nn.Sequential(taker), ToyDataset()))
    assert taker.stats is None


def test_statistics_of_no_one_file_are_refused():
    with pytest.raises(ValueError, match=r'ConcatDataset, which has no one ann_file; give .* class_statistics='):
        find_file_statistics(ConcatDataset([ToyDataset(), ToyDataset()]))


@pytest.mark.parametrize('kind', [ToyDataset, KnowingDataset])
def test_a_checkpoint_keeps_the_counts_that_the_dataset_knows(kind):
    data = ClassBalancedDataset(kind(), oversample_thr=0.9)
    loop = BaseLoop.__new__(IterBasedTrainLoop)
    runner = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=data), _train_loop=loop)
    checkpoint = {'meta': {}}
    ClassStatisticsHook().before_save_checkpoint(runner, checkpoint)
    expected = {'class_statistics': EXPECTED.to_dict()} if kind is KnowingDataset else {}
    assert checkpoint['meta'] == expected


def test_a_runner_that_does_not_train_saves_no_counts():
    checkpoint = {'meta': {}}
    ClassStatisticsHook().before_save_checkpoint(
        SimpleNamespace(_train_loop={'type': 'EpochBasedTrainLoop'}), checkpoint
    )
    assert checkpoint == {'meta': {}}
