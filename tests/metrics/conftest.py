"""A metric of ours fed like in a test run, through mmengine's evaluator."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmdet.registry import METRICS
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from .streams import CLASSES, as_data_sample


@pytest.fixture(params=['LVISAPIMetric', 'FastLVISMetric'])
def metric_type(request) -> str:
    return request.param


@pytest.fixture
def run(metric_type) -> Callable[..., dict[str, float]]:
    """Two images a batch through mmengine's evaluator."""

    def call(detections: list[dict[str, Any]], classes: list[str] = CLASSES, **metric: Any) -> dict[str, float]:
        evaluator = Evaluator(METRICS.build({'type': metric_type, **metric}))
        evaluator.dataset_meta = {'classes': classes}
        samples = [as_data_sample(image) for image in detections]
        for start in range(0, len(samples), 2):
            evaluator.process(samples[start : start + 2])
        return evaluator.evaluate(len(samples))

    return call


@pytest.fixture
def ann_file(tmp_path: Path, random_gt: dict[str, Any]) -> str:
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(random_gt))
    return str(path)


@pytest.fixture
def detections(random_gt, as_detections) -> list[dict[str, Any]]:
    return as_detections(random_gt, jitter=6, confusion=0.3, noise=8)


@pytest.fixture
def log() -> Callable[[], str]:
    """Text that went to mmengine's current logger."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel('INFO')
    yield lambda: '\n'.join(lines)
    logger.removeHandler(handler)
    logger.setLevel(level)
