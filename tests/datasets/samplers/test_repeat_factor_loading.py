"""The loops and loaders of mmengine draw from the sampler, and are told the right length."""

from __future__ import annotations

import pytest
from mmdet.datasets import MultiImageMixDataset
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from longtail_det.datasets import RepeatFactorDataset
from longtail_det.datasets.samplers import InfiniteRepeatFactorSampler, RepeatFactorSampler

from ..toys import Recorder, ToyDataset
from .conftest import EPOCH_LENGTHS, LABELS, images_of


@pytest.mark.parametrize('epoch_length', EPOCH_LENGTHS)
@pytest.mark.parametrize('batch_size', [2, 3])
def test_batches_of_one_aspect_ratio(dataset, epoch_length, batch_size):
    sampler = RepeatFactorSampler(dataset, seed=0, epoch_length=epoch_length)
    loader = DataLoader(dataset, batch_sampler=AspectRatioBatchSampler(sampler, batch_size), collate_fn=list)
    for epoch in range(3):
        loader.batch_sampler.sampler.set_epoch(epoch)
        batches = list(loader)
        assert len(batches) == len(loader)
        mixed = [len({item['width'] < item['height'] for item in batch}) > 1 for batch in batches]
        assert not any(mixed[:-batch_size])
        assert {item['img_id'] for batch in batches for item in batch} == set(range(len(LABELS)))


@pytest.mark.parametrize(
    ('sampler', 'kind'),
    [
        ({'type': 'mmdet.RepeatFactorSampler', 'epoch_length': 'varying'}, RepeatFactorSampler),
        ({'type': 'mmdet.InfiniteRepeatFactorSampler', 'shuffle': True}, InfiniteRepeatFactorSampler),
    ],
)
def test_a_config_builds_a_loader(sampler, kind):
    inner = {'type': ToyDataset, 'labels': LABELS}
    config = {
        'dataset': {
            'type': 'mmdet.RepeatFactorDataset',
            'oversample_thr': 0.4,
            'rounding': 'stochastic',
            'dataset': inner,
        },
        'sampler': sampler,
        'batch_sampler': {'type': 'mmdet.AspectRatioBatchSampler', 'drop_last': True},
        'batch_size': 2,
        'num_workers': 0,
        'collate_fn': list,
    }
    loader = Runner.build_dataloader(config, seed=3)
    assert isinstance(loader.batch_sampler.sampler, kind)
    assert loader.batch_sampler.sampler.seed == 3
    assert len(next(iter(loader))) == 2


@pytest.mark.parametrize('epoch_length', EPOCH_LENGTHS)
def test_an_epoch_based_runner_trains_on_each_draw(dataset, epoch_length, tmp_path):
    sampler = RepeatFactorSampler(dataset, seed=7, epoch_length=epoch_length)
    model = Recorder()
    Runner(
        model,
        str(tmp_path),
        train_dataloader=DataLoader(dataset, batch_size=4, sampler=sampler, collate_fn=list),
        train_cfg={'by_epoch': True, 'max_epochs': 3},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={'checkpoint': None},
        experiment_name=f'resampling-{epoch_length}',
    ).train()
    expected = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        images = images_of(dataset, sampler)
        expected += [images[start : start + 4] for start in range(0, len(images), 4)]
    assert model.steps == expected


def test_factors_are_found_below_a_wrapper_that_keeps_positions(dataset):
    config = {
        'type': RepeatFactorDataset,
        'oversample_thr': 0.4,
        'rounding': 'stochastic',
        'dataset': {'type': ToyDataset, 'labels': LABELS},
    }
    mixed = MultiImageMixDataset(config, pipeline=[])
    assert list(RepeatFactorSampler(mixed, seed=0)) == list(RepeatFactorSampler(dataset, seed=0))
