"""What tools/test.py --out writes: all predictions as arrays or as a pickle, or the results json of LVIS and COCO."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, get_rank, get_world_size, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from torch import Tensor

from longtail_det.evaluation.result_arrays import result_columns, write_result_arrays
from longtail_det.files import replacing
from longtail_det.metrics.predictions import Prediction
from longtail_det.metrics.ranked_json import RankedJson
from longtail_det.metrics.result_files import rle_for_json

from .errors import UserError

_GROUND_TRUTH = ('gt_instances', 'ignored_instances', 'gt_panoptic_seg', 'gt_sem_seg')


def prediction_writer(path: str, dataset: Any) -> BaseMetric:
    """Return the metric that writes predictions of a dataset and measures nothing.

    Args:
        path: ends in .npz for arrays, in .pkl or .pickle for a pickle, in .json for the results JSON.
        dataset: its `cat_ids` are the categories of the model's labels; only the results JSON needs them.

    Raises:
        UserError: it has none, and the results JSON needs them.
    """
    category_ids = getattr(dataset, 'cat_ids', None)
    if not path.endswith('.json'):
        return (ArraysWriter if path.endswith('.npz') else PickleWriter)(path, category_ids)
    if category_ids is None:
        raise UserError(
            f'--out {path}, but {type(dataset).__name__} has no cat_ids, which the results json needs; '
            'use a dataset such as LVISDataset, or give a name that ends in .npz'
        )
    return JsonWriter(path, category_ids)


class PickleWriter(BaseMetric):
    """Write what mmdet's DumpDetResults does: one dict per image, without ground truth, masks as RLE.

    Args:
        path: the file; folders on the way are made.
        category_ids: goes into each dict, so that the file can be scored without the config; None leaves it out.
    """

    default_prefix = 'predictions'

    def __init__(self, path: str, category_ids: Sequence[int] | None) -> None:
        super().__init__()
        self.path = Path(path)
        self.category_ids = None if category_ids is None else tuple(category_ids)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the predictions of a batch, on the CPU."""
        for sample in data_samples:
            kept = {key: _to_cpu(value) for key, value in sample.items() if key not in _GROUND_TRUTH}
            if 'masks' in kept.get('pred_instances', {}):
                # plain dicts, which anyone can read without this package
                kept['pred_instances']['masks'] = [dict(mask) for mask in encoded_masks(Prediction.from_sample(sample))]
            if self.category_ids is not None:
                kept['category_ids'] = self.category_ids
            self.results.append(kept)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Write the images of all processes, on the main one."""
        with replacing(self.path) as unfinished:
            self._write(unfinished, results)
        MMLogger.get_current_instance().info(f'predictions of {len(results)} images written to {self.path}')
        return {}

    def _write(self, path: Path, results: list[Any]) -> None:
        with path.open('wb') as stream:
            pickle.dump(results, stream, protocol=pickle.HIGHEST_PROTOCOL)


class ArraysWriter(PickleWriter):
    """Write the detections of every image as arrays, which need no pickle: see `evaluation.result_arrays`."""

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the predictions of a batch, on the CPU; raise a ValueError at the first where they are no detections."""
        is_first = not self.results
        super().process(data_batch, data_samples)
        for image in self.results[-len(data_samples) :]:
            found = image.get('pred_instances', {})
            # numpy has no bfloat16
            found |= {k: v.float() for k, v in found.items() if isinstance(v, Tensor) and v.dtype == torch.bfloat16}
        if is_first:
            result_columns(self.results)

    def _write(self, path: Path, results: list[Any]) -> None:
        write_result_arrays(path, results)


class JsonWriter(BaseMetric):
    """Write a list of records image_id, category_id, bbox, score and, where there are masks, segmentation.

    Each process writes its images to a file of its own while the test runs, so nothing stays in memory.

    Args:
        path: the file, on a disk that all processes share; folders on the way are made.
        category_ids: category of each label of the model.
    """

    default_prefix = 'predictions'

    def __init__(self, path: str, category_ids: Sequence[int]) -> None:
        super().__init__()
        self.category_ids = np.asarray(category_ids, dtype=np.int64)
        self._file = RankedJson(path, get_rank())

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Write the predictions of a batch."""
        for sample in data_samples:
            self._file.add(sample['img_id'], prediction_records(sample, self.category_ids))

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Return no metric."""
        return {}

    def evaluate(self, size: int) -> dict[str, float]:
        """Join the files of all processes.

        Args:
            size: number of images of the dataset; an image that was given twice is written once without it.
        """
        self._file.close()
        barrier()
        if is_main_process():
            num_images = self._file.join(get_world_size())
            MMLogger.get_current_instance().info(f'predictions of {num_images} images written to {self._file.path}')
        barrier()
        return {}


def prediction_records(sample: Mapping[str, Any], category_ids: np.ndarray) -> list[dict[str, Any]]:
    """Return the result records of one image.

    Args:
        sample: one predicted image as a dict.
        category_ids: (C,) int64 category of each label.

    Raises:
        ValueError: masks with scores of their own, for which a record has no place, or an unknown label.
    """
    if 'mask_scores' in sample['pred_instances']:
        raise ValueError(
            'this model scores masks apart from boxes, and a record of the results json holds one score; '
            'give --out a name that ends in .npz'
        )
    found = Prediction.from_sample(sample)
    if len(found.labels) and not 0 <= found.labels.min() <= found.labels.max() < len(category_ids):
        raise ValueError(
            f'image {found.img_id} has a predicted label {found.labels.max()}, but the dataset has '
            f'{len(category_ids)} classes; set num_classes of the heads to that number'
        )
    columns = {
        'category_id': category_ids[found.labels].tolist(),
        'bbox': found.boxes.tolist(),
        'score': found.scores.tolist(),
    }
    if found.masks is not None:
        columns['segmentation'] = [rle_for_json(rle) for rle in encoded_masks(found)]
    rows = zip(*columns.values(), strict=True)
    return [{'image_id': found.img_id, **dict(zip(columns, row, strict=True))} for row in rows]


def encoded_masks(found: Prediction) -> list[dict[str, Any]]:
    """Return the masks of an image as RLEs, whether they are (n, H, W) bool or RLEs already."""
    if isinstance(found.masks, Sequence):
        return list(found.masks)
    return found.rles(np.arange(len(found.labels)), found.masks.shape[1:])


def _to_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        # a copy: pickle stores all of the memory that a view is part of
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        # masks are encoded apart: as bool they are many times as large
        return {key: None if key == 'masks' else _to_cpu(item) for key, item in value.items()}
    return value
