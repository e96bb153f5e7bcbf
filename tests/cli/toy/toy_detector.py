"""A model, a dataset and a metric that train in milliseconds, registered the way a user's own would be."""

from __future__ import annotations

import os
import random
import time
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from torch import Tensor, nn


@DATASETS.register_module()
class ToyDataset(torch.utils.data.Dataset):
    """Points on a line y = 2 x; `pause` seconds a sample leave time to kill a run, `noise` moves the points."""

    def __init__(self, num_classes: int = 3, length: int = 8, pause: float = 0.0, noise: float = 0.0) -> None:
        self.metainfo = {'classes': tuple(f'class {c}' for c in range(num_classes))}
        self.length = length
        self.pause = pause
        self.noise = noise

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        time.sleep(self.pause)
        if os.environ.get('TOY_FAILS_AT') == str(index):
            raise FileNotFoundError(f'no image {index}')
        x = torch.tensor([float(index) + self.noise * random.random()])
        return {'x': x, 'y': 2 * x}


class ToyHead(nn.Module):
    """A head that says how many classes it is made for, as the heads of mmdet do."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.fc = nn.Linear(1, num_classes)


@MODELS.register_module()
class ToyDetector(BaseModel):
    """Linear regression with a box head, and a weight without use if `idle` asks for it; `noise` is added to x."""

    def __init__(self, bbox_head: dict[str, Any], idle: bool = False, broken: bool = False, noise: float = 0.0) -> None:
        super().__init__()
        self.bbox_head = ToyHead(**bbox_head)
        self.idle = nn.Linear(1, 1) if idle else None
        self.broken = broken
        self.noise = noise

    def forward(self, x: Tensor, y: Tensor, mode: str = 'tensor') -> Any:
        if self.broken:
            raise ValueError('a bug inside the training step')
        x = x + self.noise * torch.rand_like(x) if mode == 'loss' and self.noise else x
        error = (self.bbox_head.fc(x).mean(1, keepdim=True) - y).square()
        if mode == 'loss':
            return {'loss': error.mean()}
        return [{'error': value} for value in error]


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Mean error and number of samples, once per name in `metric`."""

    def __init__(self, metric: str | list[str] = 'bbox') -> None:
        super().__init__(prefix='toy')
        self.metric = [metric] if isinstance(metric, str) else list(metric)

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.extend(float(sample['error']) for sample in data_samples)

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {**dict.fromkeys(self.metric, sum(results) / len(results)), 'samples': float(len(results))}


@METRICS.register_module()
class ToyCount(BaseMetric):
    """A metric that leaves no choice."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.append(len(data_samples))

    def compute_metrics(self, results: list[int]) -> dict[str, float]:
        return {'count': float(sum(results))}
