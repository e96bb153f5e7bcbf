"""The strengths of calibrations tried on the kept logits of training images."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from longtail_det.calibration import Calibration
from longtail_det.evaluation import Detections, GroundTruth, evaluate_detections
from longtail_det.models.bbox_heads import ClassDeltas, LongTailBBoxHead
from longtail_det.models.bbox_heads.many_class_boxes import RoIOutputs

from .errors import UserError


class Candidate(NamedTuple):
    """A calibration to try.

    Args:
        name: as the user types it, with its strength.
        config: of the calibration, with its strength; None for the scores as they are.
        calibration: the module.
    """

    name: str
    config: dict[str, Any] | None
    calibration: Calibration | None


class KeptOutputs(AbstractContextManager['KeptOutputs']):
    """What a box head knew of the RoIs of each image, in files that last as long as the `with` block.

    Args:
        head: the head, the last one of a cascade.
    """

    def __init__(self, head: LongTailBBoxHead) -> None:
        self.head = head
        self.device = head.fc_cls.weight.device
        self.num_bytes = 0
        self._files: list[Path] = []

    def __enter__(self) -> KeptOutputs:
        self._folder = tempfile.TemporaryDirectory(prefix='calibrate-')
        self.head.on_outputs = self._keep
        return self

    def __exit__(self, *_: object) -> None:
        self.head.on_outputs = None
        self._folder.cleanup()

    def _keep(self, outputs: RoIOutputs) -> None:
        deltas = outputs.bbox_pred
        kept = {
            'roi': outputs.roi,
            'cls_score': outputs.cls_score,
            'deltas': deltas.features if isinstance(deltas, ClassDeltas) else deltas,
            'on_demand': isinstance(deltas, ClassDeltas),
            **{key: list(outputs.img_meta[key]) for key in ('img_shape', 'scale_factor')},
            'img_id': int(outputs.img_meta['img_id']),
        }
        # a copy: torch.save stores all of the memory that a view is part of
        kept = {key: value.cpu().clone() if isinstance(value, Tensor) else value for key, value in kept.items()}
        self._files.append(Path(self._folder.name, f'{len(self._files)}.pt'))
        torch.save(kept, self._files[-1])
        self.num_bytes += self._files[-1].stat().st_size

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[tuple[int, RoIOutputs]]:
        """Give the image id and the outputs of each image, which detect boxes of the image before it was resized."""
        for file in self._files:
            kept = torch.load(file, map_location=self.device, weights_only=True)
            deltas = kept['deltas']
            if kept['on_demand']:
                deltas = ClassDeltas(deltas, self.head.fc_reg, self.head.num_classes)
            meta = {key: tuple(kept[key]) for key in ('img_shape', 'scale_factor')}
            yield kept['img_id'], RoIOutputs(kept['roi'], kept['cls_score'], deltas, meta, rescale=True)


def choose_images(
    labels_per_image: Sequence[NDArray[np.int32]], number: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw images evenly over the classes: first one of every class, then a second, and so on.

    Args:
        labels_per_image: the classes on each image.
        number: images wanted.
        rng: draws them.

    Returns:
        (at most `number`,) ascending positions of images that show something.
    """
    order = rng.permutation(len(labels_per_image))
    images = np.repeat(order, [len(labels_per_image[image]) for image in order])
    labels = np.concatenate([labels_per_image[image] for image in order]) if len(images) else images
    by_class = np.argsort(labels, kind='stable')
    turn = np.empty(len(labels), dtype=np.int64)
    turn[by_class] = np.arange(len(labels)) - np.searchsorted(labels[by_class], labels[by_class])
    first_turn = np.full(len(order), len(labels) + 1)
    np.minimum.at(first_turn, images, turn)
    ranked = order[np.argsort(first_turn[order], kind='stable')]
    return np.sort(ranked[first_turn[ranked] <= len(labels)][:number])


def training_images(cfg: Config, number: int, seed: int) -> Any:
    """Build the training set of a config as a test set of some of its images.

    Args:
        cfg: with train and test dataloaders.
        number: images wanted.
        seed: of the draw.

    Raises:
        UserError: the config has no such training set.
    """
    if cfg.get('train_dataloader') is None:
        raise UserError('the config has no train_dataloader, from whose images a strength could be chosen')
    inner, test = (_innermost(cfg[name].dataset) for name in ('train_dataloader', 'test_dataloader'))
    as_test = copy.deepcopy(dict(inner)) | {'pipeline': test['pipeline'], 'test_mode': True, 'filter_cfg': None}
    dataset = DATASETS.build(as_test)
    if not (hasattr(dataset, 'labels_per_image') and hasattr(dataset, 'cat_ids')):
        raise UserError(f'calibrate needs a training set of type LVISDataset, found {type(dataset).__name__}')
    chosen = choose_images(dataset.labels_per_image, number, np.random.default_rng(seed))
    return dataset.get_subset(chosen.tolist())


def _innermost(dataset: Any) -> Any:
    return _innermost(dataset['dataset']) if 'dataset' in dataset else dataset


def keep_outputs(model: Any, dataset: Any, loader_cfg: Any, kept: KeptOutputs) -> None:
    """Run a model over a dataset; `kept` sees what the box head is given.

    Args:
        model: detector in evaluation mode.
        dataset: images.
        loader_cfg: config of a test dataloader, whose dataset is not looked at.
        kept: entered.
    """
    loader = Runner.build_dataloader({**loader_cfg, 'dataset': dataset})
    # no detection, so no mask either
    model.roi_head.test_cfg, test_cfg = ConfigDict(model.roi_head.test_cfg, score_thr=2.0), model.roi_head.test_cfg
    with torch.no_grad():
        for batch in tqdm(loader, desc='training images', unit='batch'):
            data = model.data_preprocessor(batch, False)
            features = model.extract_feat(data['inputs'])
            proposals = model.rpn_head.predict(features, data['data_samples'], rescale=False)
            model.roi_head.predict(features, proposals, data['data_samples'], rescale=True)
    model.roi_head.test_cfg = test_cfg


def score_candidate(
    candidate: Candidate, kept: KeptOutputs, gt: GroundTruth, category_ids: Sequence[int], test_cfg: Any
) -> dict[str, float]:
    """Return the box AP of a calibration on kept outputs, {'AP': ..., 'APr': ...}.

    Args:
        candidate: the calibration.
        kept: outputs of the images.
        gt: ground truth of a file with these images.
        category_ids: category of each label.
        test_cfg: `score_thr`, `nms` and `max_per_img`.
    """
    head, categories = kept.head, np.asarray(category_ids, dtype=np.int64)
    image_ids, labels, scores, boxes, seen = [], [], [], [], []
    head.calibration = None if candidate.calibration is None else candidate.calibration.to(kept.device)
    with torch.no_grad():
        for img_id, outputs in kept:
            found = head.detect(outputs, test_cfg)
            seen.append(img_id)
            image_ids.append(np.full(len(found.labels), img_id))
            labels.append(found.labels.cpu().numpy())
            scores.append(found.scores.cpu().double().numpy())
            boxes.append(found.bboxes.cpu().double().numpy())
    head.calibration = None
    corners = np.concatenate(boxes)
    sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    columns = Detections(np.concatenate(image_ids), categories[np.concatenate(labels)], np.concatenate(scores), sides)
    return evaluate_detections(gt, columns, ['bbox'], img_ids=seen)['bbox']
