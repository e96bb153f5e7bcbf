"""A loader that starts at any batch gives what it would have given there."""

from __future__ import annotations

import os
import random
import signal
import time

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler, pseudo_collate
from torch.utils.data import DataLoader, Dataset

from longtail_det.engine.resume import BadSampleError, RunStoppedError, make_resumable
from longtail_det.engine.resume.batches import iterate, loader_errors


class Noisy(Dataset):
    """Items with random numbers of all three kinds; counts what is loaded."""

    def __init__(self, bad=None):
        self.loaded, self.bad = 0, bad

    def __len__(self):
        return 23

    def get_data_info(self, index):
        return {'img_path': f'images/{index}.jpg'}

    def __getitem__(self, index):
        self.loaded += 1
        if index == self.bad:
            raise AssertionError(f'failed to load image: images/{index}.jpg')
        if self.bad == 'killed':
            os.kill(os.getpid(), signal.SIGKILL)
        if self.bad == 'asleep':
            time.sleep(3600)
        return index, random.random(), np.random.rand(), float(torch.rand(()))


def batches(first, count, *, workers=0, kind=InfiniteSampler, number=0, dataset=None, timeout=60):
    dataset = dataset or Noisy()
    sampler = kind(dataset, shuffle=True, seed=5)
    loader = DataLoader(dataset, 3, sampler=sampler, num_workers=workers, collate_fn=pseudo_collate)
    next(iter(loader))  # mmengine's loop has started it
    make_resumable(loader, seed=9, rank=0, timeout=timeout)
    dataset.loaded = 0
    loader.batch_sampler.start_at(number, first)
    with loader_errors(loader):
        found = [batch for (_, batch), _ in zip(iterate(loader, number), range(count), strict=False)]
    return [[list(column) for column in batch] for batch in found]


@pytest.mark.parametrize('kind', [InfiniteSampler, DefaultSampler])
def test_the_batches_before_the_start_are_left_out_and_nothing_else_changes(kind):
    whole = batches(0, 8, kind=kind)
    dataset = Noisy()
    assert batches(5, 3, kind=kind, dataset=dataset) == whole[5:]
    assert dataset.loaded <= 3 * 3 + 3, 'images of batches that are left out were loaded'


def test_the_number_of_workers_changes_no_random_number():
    assert batches(2, 3, workers=2) == batches(2, 3)


def test_a_pass_has_random_numbers_of_its_own():
    one, other = batches(0, 1), batches(0, 1, number=1)
    assert one[0][0] == other[0][0]
    assert one[0][1] != other[0][1]


def test_the_model_draws_the_same_whether_batches_are_loaded_here_or_in_workers():
    drawn = []
    for workers in (0, 1):
        torch.manual_seed(3)
        batches(0, 2, workers=workers)
        torch.manual_seed(3)
        loader = DataLoader(Noisy(), 3, sampler=DefaultSampler(Noisy(), seed=0), num_workers=workers)
        make_resumable(loader, seed=9, rank=0, timeout=60)
        for _ in zip(iterate(loader, 0), range(2), strict=False):
            drawn.append(torch.rand(()).item())
    assert drawn[:2] == drawn[2:]


@pytest.mark.parametrize('workers', [0, 1])
def test_a_bad_image_is_one_line_with_its_file(workers):
    with pytest.raises(BadSampleError, match=r'^failed to load image: images/4.jpg$'):
        batches(0, 99, workers=workers, dataset=Noisy(bad=4), kind=DefaultSampler)


def test_a_killed_worker_is_one_line_with_the_files_it_was_loading():
    dataset = Noisy()
    first_batches = [batch[0] for batch in batches(0, 2)]  # either of the two workers may be the first to go
    dataset.bad = 'killed'
    with pytest.raises(RunStoppedError) as stopped:
        batches_of_workers(dataset)
    (line,) = str(stopped.value).splitlines()
    assert line.startswith('DataLoader worker (pid')
    assert any(all(f'images/{index}.jpg' in line for index in indices) for indices in first_batches)


def test_a_worker_that_says_nothing_ends_the_run():
    with pytest.raises(RunStoppedError, match=r'timed out after 1(\.0)? seconds; it was loading images/\d+.jpg'):
        batches_of_workers(Noisy(bad='asleep'), timeout=1)


def batches_of_workers(dataset, timeout=60):
    sampler = InfiniteSampler(dataset, shuffle=True, seed=5)
    loader = DataLoader(dataset, 3, sampler=sampler, num_workers=2, collate_fn=pseudo_collate)
    make_resumable(loader, seed=9, rank=0, timeout=timeout)
    with loader_errors(loader):
        next(iterate(loader, 0))
