"""A trained detector and the pipeline of its test set, for images that no annotation file lists."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.registry import DATASETS, MODELS, TRANSFORMS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint, _load_checkpoint_to_model

from longtail_det import compat
from longtail_det.checks import InputError
from longtail_det.datasets.image_loading import run_pipeline
from longtail_det.engine.hooks.class_statistics_hook import STATISTICS_KEY
from longtail_det.sampling import unwrap
from longtail_det.statistics import ClassStatistics

from .errors import UserError
from .image_inputs import InputImage
from .model_checks import check_classes, check_weights


@dataclass
class Detector:
    """A detector with trained weights, in evaluation mode.

    Args:
        model: on its device.
        pipeline: transforms of the test set, but for those that load annotations.
        classes: names in the order of the labels.
        statistics: of its training set, where the checkpoint has them.
    """

    model: BaseModel
    pipeline: Sequence[Any]
    classes: tuple[str, ...]
    statistics: ClassStatistics | None

    def load(self, image: InputImage) -> dict[str, Any]:
        """Return an image as the model takes it.

        Args:
            image: a file, or a frame with its pixels.

        Raises:
            InputError: it cannot be read.
        """
        data: dict[str, Any] = {'img_path': str(image.path), 'img_id': 0}
        transforms = self.pipeline
        if image.pixels is not None:
            data |= {'img': image.pixels, 'ori_shape': image.pixels.shape[:2], 'img_shape': image.pixels.shape[:2]}
            transforms = [each for each in transforms if not isinstance(each, LoadImageFromFile)]
        loaded: dict[str, Any] | None = run_pipeline(transforms, data)
        if loaded is None:
            raise InputError(f'the test pipeline of the config gives up {image.path}; leave the file out')
        return loaded

    @torch.no_grad()
    def predict(self, loaded: Sequence[dict[str, Any]]) -> list[DetDataSample]:
        """Return the detections on a batch.

        Args:
            loaded: from `load`.
        """
        found: list[DetDataSample] = self.model.test_step(pseudo_collate(loaded))
        return found


def load_detector(cfg: Config, checkpoint: str, device: str) -> Detector:
    """Build the model of a config and load its weights.

    Args:
        cfg: with `model` and `test_dataloader`.
        checkpoint: file or URL; read as tensors, never as code.
        device: 'cpu' or 'cuda'.

    Raises:
        UserError: the checkpoint is of another model, or nothing tells the names of the classes.
    """
    compat.install()
    init_default_scope(cfg.get('default_scope') or 'mmdet')
    if cfg.get('test_dataloader') is None:
        raise UserError('the config has no test_dataloader, whose pipeline prepares the images')
    dataset = _unwrap_config(cfg.test_dataloader.dataset)
    loaded = _load_checkpoint(checkpoint, map_location='cpu')
    _without_pretrained(cfg.model)
    model = revert_sync_batchnorm(MODELS.build(cfg.model))
    check_weights(model, loaded, exact=True)
    _load_checkpoint_to_model(model, loaded)
    meta = loaded.get('meta') or {} if isinstance(loaded, dict) else {}
    known = meta.get('dataset_meta') or {}
    classes = known.get('classes') or known.get('CLASSES') or meta.get('CLASSES') or _classes_of(dataset)
    # some checkpoints name a single class by a text
    model.dataset_meta = {'classes': (classes,) if isinstance(classes, str) else tuple(classes)}
    check_classes(model, SimpleNamespace(metainfo=model.dataset_meta), 'checkpoint')
    statistics = meta.get(STATISTICS_KEY)
    return Detector(
        model.to(device).eval(),
        _build_pipeline(dataset.pipeline),
        model.dataset_meta['classes'],
        None if statistics is None else ClassStatistics.from_dict(statistics),
    )


def _unwrap_config(dataset: Any) -> Any:
    """Return the innermost of the configs of a `dataset` and those that it wraps."""
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def _build_pipeline(pipeline: Sequence[Any]) -> list[Any]:
    built = [TRANSFORMS.build(each) for each in copy.deepcopy(list(pipeline))]
    return [each for each in built if not isinstance(each, LoadAnnotations)]


def _without_pretrained(model: Any) -> None:
    """Drop the weights that the backbone would start training from; those of the checkpoint follow."""
    if model.get('backbone', {}).get('init_cfg'):
        model.backbone.init_cfg = None


def _classes_of(dataset: Any) -> Sequence[str]:
    built = unwrap(DATASETS.build({**dataset, 'lazy_init': True}))
    classes: Sequence[str] | None = built.metainfo.get('classes')
    if not classes:
        raise UserError(
            'neither the checkpoint nor the test set of the config names the classes; set '
            "test_dataloader.dataset.metainfo.classes, in the order of the model's labels"
        )
    return classes
