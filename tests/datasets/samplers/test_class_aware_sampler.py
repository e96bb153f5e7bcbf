"""The sampler by name in a config: the stream of the core over the classes of any dataset, also after a resume."""

from __future__ import annotations

from itertools import islice

import pytest
from mmengine.runner import Runner

from longtail_det.datasets import RepeatFactorDataset
from longtail_det.datasets.samplers import InfiniteClassAwareSampler, class_aware_sampler
from longtail_det.sampling import ClassAwareSampler, ImageLabels

from ..toys import LABELS, KnowingDataset, Recorder, ToyDataset

IMAGES = ImageLabels.flatten([sorted(set(labels)) for labels in LABELS], num_classes=4)


def start(sampler, number=40):
    return list(islice(sampler, number))


@pytest.mark.parametrize('kind', [ToyDataset, KnowingDataset])
def test_it_is_the_stream_of_the_core(kind, monkeypatch):
    assert start(InfiniteClassAwareSampler(kind(), seed=3)) == start(ClassAwareSampler(IMAGES, seed=3))
    monkeypatch.setattr(class_aware_sampler, 'get_dist_info', lambda: (1, 2))
    expected = ClassAwareSampler(IMAGES, seed=3, rank=1, world_size=2)
    assert start(InfiniteClassAwareSampler(kind(), seed=3)) == start(expected)


def test_positions_are_those_of_a_wrapper():
    dataset = RepeatFactorDataset(KnowingDataset(), oversample_thr=0.4)
    for position in start(InfiniteClassAwareSampler(dataset, seed=0)):
        assert len(dataset.labels_per_image[position])


def run(work_dir, max_iters, resume=False):
    model = Recorder()
    loader = dict(
        dataset=ToyDataset(),
        sampler=dict(type='mmdet.InfiniteClassAwareSampler'),
        batch_size=3,
        collate_fn=list,
    )
    Runner(
        model,
        str(work_dir),
        train_dataloader=loader,
        train_cfg={'by_epoch': False, 'max_iters': max_iters},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={'checkpoint': dict(type='CheckpointHook', by_epoch=False, interval=2)},
        randomness=dict(seed=4),
        resume=resume,
        experiment_name=f'class-aware-{max_iters}-{work_dir.name}-{resume}',
    ).train()
    return model.steps


def test_a_resumed_run_sees_the_images_of_an_unbroken_one(tmp_path):
    whole = run(tmp_path / 'whole', 6)
    assert [image for step in whole for image in step] == start(ClassAwareSampler(IMAGES, seed=4), 18)
    assert run(tmp_path / 'parts', 2) + run(tmp_path / 'parts', 6, resume=True) == whole


def test_a_dataset_without_classes_is_named():
    with pytest.raises(TypeError, match='cannot read the classes of the images of list'):
        InfiniteClassAwareSampler([1, 2], seed=0)
