"""LoadDeferredMasks loads what mmdet's LoadAnnotations loads, and mmdet's transforms work on it."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS, TRANSFORMS
from mmdet.structures.mask import BitmapMasks
from mmengine.dataset import Compose, pseudo_collate

from longtail_det.datasets import DeferredMasks, LoadDeferredMasks

from ...annotation_files import box_polygon, compressed_rle, uncompressed_rle

SIZE = (48, 64)
RECORDED = {
    'none': [],
    'resize': [{'type': 'Resize', 'scale': (100, 90), 'keep_ratio': True}],
    'resize and stretch': [
        {'type': 'Resize', 'scale': (100, 90)},
        {'type': 'FixShapeResize', 'width': 90, 'height': 80},
    ],
    'flip': [{'type': 'RandomFlip', 'prob': 1.0, 'direction': 'diagonal'}],
    'pad': [{'type': 'Pad', 'size_divisor': 32}],
    'crop': [{'type': 'RandomCrop', 'crop_size': (30, 40), 'recompute_bbox': True}],
    'crop to an overlap': [{'type': 'MinIoURandomCrop'}],
    'filter': [{'type': 'FilterAnnotations', 'by_mask': True, 'min_gt_mask_area': 30}],
}
PIXELS = {
    'affine': [{'type': 'RandomAffine'}],
    'expand': [{'type': 'Expand', 'prob': 1.0}],
    'translate': [{'type': 'TranslateX', 'prob': 1.0}],
    'shear': [{'type': 'ShearY', 'prob': 1.0}],
    'rotate': [{'type': 'Rotate', 'prob': 1.0}],
    'erase': [{'type': 'RandomErasing', 'n_patches': 2, 'ratio': 0.3}],
}
MIXED = {
    'copy and paste': [{'type': 'CopyPaste', 'selected': False, 'max_num_pasted': 3}],
    'mosaic': [{'type': 'Mosaic', 'img_scale': (60, 60)}],
    'mixup': [{'type': 'MixUp', 'img_scale': (60, 60)}],
    'cached mosaic': [{'type': 'CachedMosaic', 'img_scale': (60, 60)}],
    'cached mixup': [{'type': 'CachedMixUp', 'img_scale': (60, 60)}],
}


def instance(mask, box, **more):
    x, y, width, height = box
    return {'bbox': [x, y, x + width, y + height], 'bbox_label': 1, 'ignore_flag': 0, 'mask': mask, **more}


def item():
    boxes = [(5, 6, 20, 15), (30, 10, 25, 30), (40, 30, 10, 10), (2, 30, 12, 15)]
    masks = [
        [box_polygon(*boxes[0])],
        [box_polygon(30, 10, 10, 30), box_polygon(45, 15, 10, 20)],
        {**compressed_rle(*boxes[2]), 'size': [*SIZE]},
        uncompressed_rle(*boxes[3]),
    ]
    image = np.random.default_rng(0).integers(255, size=(*SIZE, 3), dtype=np.uint8)
    instances = [instance(mask, box) for mask, box in zip(masks, boxes, strict=True)]
    instances[2]['ignore_flag'] = 1
    return {'img': image, 'img_shape': SIZE, 'ori_shape': SIZE, 'img_path': 'a.jpg', 'instances': instances}
