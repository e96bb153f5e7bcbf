"""Predictions of an earlier test, scored again without the model."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, EVALUATOR, init_default_scope

from longtail_det.evaluation.predicted_images import read_predicted_images

from .errors import UserError
from .predictions import prediction_writer

_IMAGES = 64  # handed to the metrics at a time


def evaluate_again(cfg: Config, results: str, out: str | None = None) -> dict[str, float]:
    """Score predictions of an earlier test, and leave the metrics in the work dir as a test does.

    Args:
        cfg: config with the dataset and the evaluator.
        results: the .npz or .pkl of tools/test.py --out.
        out: also write the predictions to this file, to change its format.

    Raises:
        UserError: `results` is of another dataset, or no predictions.
    """
    stamp = time.strftime('%Y%m%d_%H%M%S')
    folder = Path(cfg.work_dir) / stamp
    folder.mkdir(parents=True, exist_ok=True)
    logger = MMLogger.get_instance(f'test_{stamp}', log_file=str(folder / f'{stamp}.log'))
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    predictions = read_predicted_images(results)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    check_predictions(predictions, dataset, results)
    wanted = cfg.test_evaluator
    in_full = isinstance(wanted, dict) and 'metrics' in wanted
    evaluator = EVALUATOR.build(wanted if in_full else {'type': 'Evaluator', 'metrics': wanted})
    if out:
        evaluator.metrics.append(prediction_writer(out, dataset))
    evaluator.dataset_meta = dataset.metainfo
    metrics = evaluator.offline_evaluate([_with_tensors(image) for image in predictions], chunk_size=_IMAGES)
    (folder / f'{stamp}.json').write_text(json.dumps(metrics))
    logger.info(f'{len(predictions)} images of {results} measured; metrics in {folder / f"{stamp}.json"}')
    return metrics


def check_predictions(predictions: Sequence[Mapping[str, Any]], dataset: Any, results: str) -> None:
    """Compare predictions of an earlier test with the test set of a config.

    Raises:
        UserError: they are of other images or categories, or in another order of categories.
    """
    if len(predictions) != len(dataset):
        raise UserError(f'{results} holds {len(predictions)} images, the test set of the config {len(dataset)}')
    wanted = getattr(dataset, 'cat_ids', None)
    found = predictions[0].get('category_ids') if predictions else None
    if wanted is not None and found is not None and list(found) != list(wanted):
        raise UserError(
            f'{results} holds predictions of {len(found)} categories ({", ".join(map(str, found[:3]))} ...), the test '
            f'set of the config {len(wanted)} ({", ".join(map(str, wanted[:3]))} ...); give the config that was tested'
        )


def _with_tensors(image: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of mmdet take tensors."""
    found = {
        key: torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value
        for key, value in (image.get('pred_instances') or {}).items()
    }
    return {**image, 'pred_instances': found} if found else dict(image)
