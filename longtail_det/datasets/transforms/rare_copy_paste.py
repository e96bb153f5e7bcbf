"""RareCopyPaste: instances of rare classes pasted into other images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.mask import BitmapMasks
from numpy.typing import NDArray

from longtail_det.checks import number, numbers, probability, whole
from longtail_det.statistics import class_repeat_factors

from ..mixing import DATASET
from .instance_sources import DatasetInstances, Instance, InstancePool

_TRIES = 10


@TRANSFORMS.register_module()
class RareCopyPaste(BaseTransform):
    """Paste instances of infrequent classes, with their masks, into an image (after Ghiasi et al., CVPR 2021).

    It stands in the pipeline of `LVISDataset`, right behind the transforms that load image, boxes and masks; these
    load the source image too. Class c is drawn with probability proportional to r_c - 1, the repeats that repeat
    factor sampling would add (r_c = max(1, sqrt(oversample_thr / image frequency))): frequent classes are never pasted.
    Then one of the class's images is drawn, and one of its instances. Source images may have any size: an instance is
    resized as if its image were fitted into the destination, times a random factor of `scale_range`.

    What is covered loses its pixels: masks are cut, boxes become those of what is left, and an object is dropped
    where nothing is left, or where its box moved by more than `bbox_occluded_thr` and no more than `mask_occluded_thr`
    pixels are left, as in mmdet's `CopyPaste`. Masks of any type of mmdet are taken; `DeferredMasks` stay deferred,
    polygons become pixels. Of the fields of federated data, a pasted class leaves `neg_category_ids`; where the image
    had told nothing of it, it joins `not_exhaustive_category_ids`.

    Args:
        oversample_thr: t; classes on a smaller share of the images are pasted (1e-3 for LVIS).
        max_pasted: an image gets 0 to so many instances, all equally likely.
        prob: of pasting anything.
        scale_range: smallest and largest random factor of size.
        apart: paste where the box of the instance meets no box of an object, and not at all where there is no such
            place. Otherwise all places are equally likely, as in the paper. Two objects that share a box make the
            targets of a mask head harder than those of the data, where these hardly overlap.
        pool: folder `<class name>/*.png` of instances with an alpha channel, to paste these instead of the dataset's;
            classes without a file are not pasted.
        pool_size: longer side of a pool's instance, as a share of the destination's shorter side, before scaling.
        bbox_occluded_thr: pixels that each coordinate of an object's box may move in any case.
        mask_occluded_thr: pixels of an object's mask that are enough in any case.

    Raises:
        ValueError: an option out of range, no class to paste, or a dataset that does not show itself.
    """

    #: `LVISDataset` then hands itself over
    needs_dataset = True

    def __init__(
        self,
        oversample_thr: float = 1e-3,
        max_pasted: int = 3,
        prob: float = 1.0,
        scale_range: Sequence[float] = (0.5, 1.5),
        apart: bool = False,
        pool: str | None = None,
        pool_size: float = 0.3,
        bbox_occluded_thr: float = 10,
        mask_occluded_thr: float = 300,
    ) -> None:
        self.oversample_thr = probability('oversample_thr', oversample_thr)
        self.max_pasted = whole('max_pasted', max_pasted, 1)
        self.prob = probability('prob', prob)
        self.scale_range = numbers('scale_range', scale_range, 2, above=0)
        if self.scale_range[0] > self.scale_range[1]:
            raise ValueError(f'scale_range={scale_range}; expected two ascending factors')
        self.apart = apart
        self.pool = pool
        self.pool_size = number('pool_size', pool_size, above=0)
        self.bbox_occluded_thr = number('bbox_occluded_thr', bbox_occluded_thr, 0)
        self.mask_occluded_thr = number('mask_occluded_thr', mask_occluded_thr, 0)
        self._prepared: tuple[int, DatasetInstances | InstancePool, NDArray[np.float64]] | None = None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Paste into an image.

        Args:
            results: with `img`, `gt_bboxes`, `gt_bboxes_labels`, `gt_ignore_flags`, `gt_masks`, and the dataset.

        Returns:
            The same dict.
        """
        if np.random.rand() >= self.prob:
            return results
        dataset = self._dataset_of(results)
        source, probabilities = self._source_of(dataset)
        for label in np.random.choice(len(probabilities), np.random.randint(self.max_pasted + 1), p=probabilities):
            instance = self._draw(source, int(label), results['img'].shape[:2])
            if instance is None:
                continue
            corner = self._choose_corner(results, instance)
            if corner is not None:
                _correct_federated_fields(results, int(label), dataset.cat_ids[label])
                self._paste(results, instance, int(label), corner)
        return results

    def class_probabilities(self, dataset: Any) -> NDArray[np.float64]:
        """Return (C,) how likely a pasted instance is of each class.

        Args:
            dataset: an `LVISDataset` with this transform in its pipeline.
        """
        return self._source_of(dataset)[1]

    @staticmethod
    def _dataset_of(results: dict[str, Any]) -> Any:
        if DATASET not in results:
            raise ValueError("RareCopyPaste does not know its dataset; put it into the pipeline of type='LVISDataset'")
        return results[DATASET]

    def _source_of(self, dataset: Any) -> tuple[DatasetInstances | InstancePool, NDArray[np.float64]]:
        if self._prepared is None or self._prepared[0] != id(dataset):
            source = self._make_source(dataset)
            statistics = dataset.class_statistics
            factors = class_repeat_factors(statistics.image_count, len(dataset), oversample_thr=self.oversample_thr)
            weights = np.where(source.counts > 0, factors - 1, 0)
            if not weights.any():
                raise ValueError(
                    f'RareCopyPaste: no class to paste is on less than oversample_thr={self.oversample_thr} of the '
                    f'{len(dataset)} images; raise oversample_thr'
                )
            self._prepared = id(dataset), source, weights / weights.sum()
        return self._prepared[1:]

    def _make_source(self, dataset: Any) -> DatasetInstances | InstancePool:
        if self.pool is not None:
            return InstancePool(self.pool, dataset.metainfo['classes'])
        transforms = dataset.pipeline.transforms
        if self not in transforms:
            raise ValueError('RareCopyPaste stands inside another transform; put it directly into the pipeline')
        return DatasetInstances(dataset, transforms[: transforms.index(self)])

    def _draw(
        self, source: DatasetInstances | InstancePool, label: int, image_shape: tuple[int, int]
    ) -> Instance | None:
        """Return an instance in the size it is pasted in; None after so many without a pixel."""
        for _ in range(_TRIES):
            instance = source.draw(label)
            resized = None if instance is None else self._resize(instance, image_shape)
            if resized is not None and resized.mask.any():
                return resized
        return None

    def _resize(self, instance: Instance, image_shape: tuple[int, int]) -> Instance:
        height, width = instance.mask.shape
        if instance.image_shape is None:
            fit = self.pool_size * min(image_shape) / max(height, width)
        else:
            fit = min(image_shape[0] / instance.image_shape[0], image_shape[1] / instance.image_shape[1])
        factor = fit * np.random.uniform(self.scale_range[0], self.scale_range[1])
        factor = min(factor, image_shape[0] / height, image_shape[1] / width)
        size = max(1, round(width * factor)), max(1, round(height * factor))
        mask = mmcv.imresize(instance.mask.astype(np.uint8), size, interpolation='nearest', backend='cv2')
        return Instance(mmcv.imresize(instance.pixels, size, backend='cv2'), mask.astype(bool))

    def _choose_corner(self, results: dict[str, Any], instance: Instance) -> tuple[int, int] | None:
        """Return the top and the left of an instance to paste; None where it would have no place of its own."""
        height, width = instance.mask.shape
        rows, columns = results['img'].shape[0] - height + 1, results['img'].shape[1] - width + 1
        if not self.apart:
            return np.random.randint(rows), np.random.randint(columns)
        free = np.ones((rows, columns), dtype=bool)
        boxes = results['gt_bboxes'].tensor.numpy()
        first = np.maximum(np.floor(boxes[:, :2] - (width, height)).astype(np.int64) + 1, 0)
        end = np.maximum(np.ceil(boxes[:, 2:]).astype(np.int64), 0)
        for (left, top), (right, bottom) in zip(first, end, strict=True):
            free[top:bottom, left:right] = False
        places = np.flatnonzero(free)
        return divmod(int(np.random.choice(places)), columns) if len(places) else None

    def _paste(self, results: dict[str, Any], instance: Instance, label: int, corner: tuple[int, int]) -> None:
        image = results['img'].copy()
        (top, left), (height, width) = corner, instance.mask.shape
        image[top : top + height, left : left + width][instance.mask] = instance.pixels[instance.mask]
        results['img'] = image
        pasted = np.zeros(image.shape[:2], dtype=bool)
        pasted[top : top + height, left : left + width] = instance.mask
        self._cover(results, pasted)
        masks = _like(results['gt_masks'], [pasted])
        results['gt_masks'] = type(masks).cat([results['gt_masks'], masks])
        boxes = results['gt_bboxes']
        results['gt_bboxes'] = boxes.cat([boxes, masks.get_bboxes(type(boxes))])
        results['gt_bboxes_labels'] = np.append(results['gt_bboxes_labels'], label).astype(np.int64)
        results['gt_ignore_flags'] = np.append(results['gt_ignore_flags'], False)

    def _cover(self, results: dict[str, Any], pasted: NDArray[np.bool_]) -> None:
        """Take the pixels of a pasted instance from the objects below; drop those of which too little is left."""
        masks, boxes = results['gt_masks'], results['gt_bboxes']
        if not isinstance(masks, BitmapMasks):
            masks = BitmapMasks(masks.to_ndarray(), masks.height, masks.width)
        touched = [index for index, mask in enumerate(masks) if (mask.astype(bool) & pasted).any()]
        left = [masks[index].to_ndarray()[0].astype(bool) & ~pasted for index in touched]
        cut = _like(masks, left)
        cut_boxes = cut.get_bboxes(type(boxes))
        moved = (cut_boxes.tensor - boxes[touched].tensor).abs().amax(-1).numpy()
        areas = np.array([mask.sum() for mask in left])
        kept = (areas > 0) & ((moved <= self.bbox_occluded_thr) | (areas > self.mask_occluded_thr))
        whole = np.setdiff1d(np.arange(len(masks)), touched)
        results['gt_masks'] = type(masks).cat([masks[whole], cut[np.flatnonzero(kept)]])
        results['gt_bboxes'] = boxes.cat([boxes[whole], cut_boxes[torch.from_numpy(kept)]])
        order = np.append(whole, np.array(touched, dtype=np.int64)[kept]).astype(np.int64)
        for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
            results[key] = results[key][order]

    def __repr__(self) -> str:
        return f'{type(self).__name__}(oversample_thr={self.oversample_thr}, max_pasted={self.max_pasted})'


def _like(masks: BitmapMasks, pixels: Sequence[NDArray[np.bool_]]) -> BitmapMasks:
    """Return masks of the type and size of others."""
    stacked = np.array(pixels, dtype=np.uint8).reshape(-1, masks.height, masks.width)
    return type(masks)(stacked, masks.height, masks.width)


def _correct_federated_fields(results: dict[str, Any], label: int, category_id: int) -> None:
    """Say of a class that is pasted next what is known: it is there, and whether all of its objects are annotated."""
    negative = results.get('neg_category_ids')
    if negative is None:
        return
    known = category_id in negative or label in results['gt_bboxes_labels']
    results['neg_category_ids'] = [other for other in negative if other != category_id]
    unsure = list(results.get('not_exhaustive_category_ids', ()))
    if not known and category_id not in unsure:
        results['not_exhaustive_category_ids'] = [*unsure, category_id]
