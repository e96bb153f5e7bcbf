"""Datasets of labels alone, to be resampled."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from mmengine.dataset import BaseDataset

from longtail_det.statistics import ClassStatistics

CLASSES = ('ant', 'bee', 'cat', 'dog')
LABELS = [[0, 0], [0], [0, 1], [0], [], [1, 0], [2, 2, 2], [0]]


class ToyDataset(BaseDataset):
    """A dataset of mmdet's kind: its labels can only be had one image at a time. Every third image is upright."""

    METAINFO: ClassVar = {'classes': CLASSES}

    def __init__(self, labels=LABELS, **kwargs):
        self.labels = labels
        self.reads = 0
        super().__init__(**kwargs)

    def load_data_list(self):
        sizes = [{'width': 30 + 10 * (i % 3), 'height': 45} for i in range(len(self.labels))]
        return [dict(img_id=i, labels=labels, **sizes[i]) for i, labels in enumerate(self.labels)]

    def get_cat_ids(self, idx):
        self.reads += 1
        return self.get_data_info(idx)['labels']


class KnowingDataset(ToyDataset):
    """A dataset that knows the labels of all images, as ours does."""

    def __init__(self, labels=LABELS, **kwargs):
        super().__init__(labels, **kwargs)
        self.labels_per_image = [np.unique(np.array(image, dtype=np.int32)) for image in labels]
        counts = [sum(c in image for image in labels) for c in range(len(CLASSES))]
        instances = [sum(image.count(c) for image in labels) for c in range(len(CLASSES))]
        self.class_statistics = ClassStatistics(counts, instances, sum(map(bool, labels)), CLASSES)

    def get_cat_ids(self, idx):
        raise AssertionError('a dataset that knows its labels is not read image by image')


class Recorder(torch.nn.Module):
    """Notes the images of every step."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.steps = []

    def train_step(self, data, optim_wrapper):
        self.steps.append([item['img_id'] for item in data])
        return {'loss': self.weight}
