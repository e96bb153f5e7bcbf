"""Hands the class tables of the training dataset to every module that asks for them (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from mmdet.registry import HOOKS
from mmengine.fileio import get_local_path
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop
from torch import nn

from longtail_det.annotations import load_class_statistics
from longtail_det.sampling import unwrap
from longtail_det.statistics import ClassStatistics, replay_classes

from .statistics_sync_hook import unwrapped

#: of the `meta` of a checkpoint
STATISTICS_KEY = 'class_statistics'


@HOOKS.register_module()
class ClassStatisticsHook(Hook):
    """Before training, give the tables of the training set's classes to each module of the model that takes them.

    A module with `set_class_statistics(stats)` is given `ClassStatistics`: those of the training dataset itself, from
    its `class_statistics` property, looked for through wrappers (repeat, resampling, multi-image mix), or, for a
    dataset of mmdet's without one, by counting its annotations once. They are those of the data before resampling.
    Those of a module that `needs_annotation_file` (FRACAL, IIF, IIFLoss) are counted in the whole annotation file of
    the dataset, see `find_file_statistics`.

    A module with `set_target_classes(indices)` is given the classes for object-level resampling, see
    `find_target_classes`.

    A module stores what it needs in buffers, so a checkpoint can be tested without any annotation file. The counts of
    a dataset that knows them are saved too, as `meta['class_statistics']`: a checkpoint tells which classes are rare.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Any) -> None:
        """Find the tables and hand them on; runs once, after a checkpoint was loaded."""
        dataset = runner.train_dataloader.dataset
        statistics = cache(lambda: find_class_statistics(dataset))
        file_statistics = cache(lambda: find_file_statistics(dataset))
        if takers := _modules_with(runner.model, 'set_class_statistics'):
            for module in takers:
                if not getattr(module, 'needs_annotation_file', False):
                    module.set_class_statistics(statistics())
                elif not module.table_given:
                    module.set_class_statistics(file_statistics())
            names = ', '.join(sorted({type(module).__name__ for module in takers}))
            print_log(f'class statistics for {names}: {statistics().summary()}', logger='current')
        if takers := _modules_with(runner.model, 'set_target_classes'):
            targets = find_target_classes(dataset, statistics)
            for module in takers:
                module.set_target_classes(targets)
                print_log(f'{len(targets)} target classes for {module}', logger='current')

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Save the counts beside the names of the classes."""
        if isinstance(runner._train_loop, BaseLoop):
            dataset = unwrap(runner.train_dataloader.dataset, 'class_statistics')
            if hasattr(dataset, 'class_statistics'):
                checkpoint['meta'][STATISTICS_KEY] = dataset.class_statistics.to_dict()


def _modules_with(model: nn.Module, method: str) -> list[Any]:
    return [module for module in unwrapped(model).modules() if hasattr(module, method)]


def find_target_classes(dataset: Any, statistics: Callable[[], ClassStatistics]) -> list[int]:
    """Return the classes for object-level resampling: those a dataset chose (`RIODataset`), else the paper's."""
    chosen = getattr(unwrap(dataset, 'target_classes'), 'target_classes', None)
    return replay_classes(statistics().image_count).tolist() if chosen is None else list(chosen)


def find_class_statistics(dataset: Any) -> ClassStatistics:
    """Return the statistics of a dataset, through wrappers and without resampling.

    Args:
        dataset: any mmengine dataset or wrapper of one.

    Returns:
        Statistics in the order of the dataset's classes; those of a concatenation are the sums over its parts.

    Raises:
        ValueError: the parts of a concatenation have different classes.
        TypeError: neither statistics nor annotations can be read from the dataset.
    """
    dataset = unwrap(dataset, 'class_statistics', 'datasets')
    if hasattr(dataset, 'class_statistics'):
        return dataset.class_statistics
    if hasattr(dataset, 'datasets'):
        return _sum_statistics([find_class_statistics(part) for part in dataset.datasets])
    if hasattr(dataset, 'get_data_info') and dataset.metainfo.get('classes'):
        return _count(dataset)
    raise TypeError(
        f'cannot read class statistics from {type(dataset).__name__}: it has neither class_statistics nor '
        "annotations with classes; use type='LVISDataset', or give the loss class_statistics=... in the config"
    )


def find_file_statistics(dataset: Any) -> ClassStatistics:
    """Return the statistics of the annotation file of a dataset: those of all its images, and the spread of classes.

    Args:
        dataset: any mmengine dataset with an `ann_file`, or wrapper of one; its file is read once more.

    Returns:
        Statistics in the order of the dataset's classes, every field known.

    Raises:
        ValueError: there is no one file, as of a concatenation.
    """
    inner = unwrap(dataset, 'ann_file')
    if not getattr(inner, 'ann_file', ''):
        raise ValueError(
            f'cannot read the number of all images and the spread of classes from {type(inner).__name__}, which has no '
            'one ann_file; give the calibration or loss class_statistics=... in the config'
        )
    with get_local_path(inner.ann_file, backend_args=getattr(inner, 'backend_args', None)) as path:
        return load_class_statistics(path).of_classes(inner.metainfo['classes'])


def _sum_statistics(parts: list[ClassStatistics]) -> ClassStatistics:
    if any(part.names != parts[0].names for part in parts):
        raise ValueError('the concatenated training sets have different classes; give all the same metainfo.classes')
    return ClassStatistics(
        np.sum([part.image_count for part in parts], axis=0),
        np.sum([part.instance_count for part in parts], axis=0),
        sum(part.num_images for part in parts),
        parts[0].names,
    )


def _count(dataset: Any) -> ClassStatistics:
    names = tuple(dataset.metainfo['classes'])
    image_count = np.zeros(len(names), dtype=np.int64)
    instance_count = np.zeros(len(names), dtype=np.int64)
    num_images = 0
    for index in range(len(dataset)):
        instances = dataset.get_data_info(index)['instances']
        labels = [item['bbox_label'] for item in instances if not item.get('ignore_flag', 0)]
        np.add.at(instance_count, labels, 1)
        image_count[np.unique(labels).astype(np.int64)] += 1
        num_images += bool(labels)
    return ClassStatistics(image_count, instance_count, num_images, names)
