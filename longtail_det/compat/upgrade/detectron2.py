"""Checkpoints of detectron2: ResNet-FPN Faster, Mask and Cascade R-CNN (DropLoss, EQL, RIO).

What is the same on both sides, so that only names change: labels start at 0 (detectron2 takes 1 off the category
ids of LVIS) and the background is the last column of the classifier; anchors come in the order of the ratios 0.5, 1, 2
(height / width) around the same centers; box deltas are dx, dy, dw, dh, class after class, of the same scales
(weights 10, 10, 5, 5 are `target_stds` 0.1, 0.1, 0.2, 0.2); RoI features are flattened channel first.

What is not: images are BGR and, for ResNet, only their mean is taken off (`fold_input`); and the ResNets of MSRA
have their stride in the first 1x1 convolution, which in mmdet is `style='caffe'` (`expected_style`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .image_input import ImageInput
from .mmdet2 import tensors
from .renaming import Renamed, Rules, rename
from .source import weights_of

_MEAN_BGR = (103.53, 116.28, 123.675)
# detectron2's ResNeXt-101-32x8d comes from a program that also divided by the standard deviation
_STD_BGR_RESNEXT = (57.375, 57.12, 58.395)
_DROP = {
    r'pixel_(?:mean|std)': 'the config of mmdet says how images are normalized',
    r'.*\.cell_anchors\.\d+': 'anchors follow from the config',
    r'(?:.*\.)?num_batches_tracked': 'batch norm is frozen',
    r'roi_heads\.(?:.*[._])?(?:memory|bank|queue)(?:[._].*)?': 'stored features of training; a bank fills anew',
}


def _numbered(pattern: str, new: str, shift: int, numbers: range) -> list[tuple[re.Pattern[str], str]]:
    """Return one rule per number: `#` in the old name is the number, in the new one the number less `shift`."""
    return [(re.compile(pattern.replace('#', str(n))), new.replace('#', str(n - shift))) for n in numbers]


_STAGES = range(2, 6)
_LAYERS = range(1, 9)
_RESNET: Rules = [
    (re.compile(r'backbone\.bottom_up\.stem\.conv1\.weight'), 'backbone.conv1.weight'),
    (re.compile(r'backbone\.bottom_up\.stem\.conv1\.norm\.(\w+)'), r'backbone.bn1.\1'),
    *_numbered(
        r'backbone\.bottom_up\.res#\.(\d+)\.shortcut\.weight', r'backbone.layer#.\1.downsample.0.weight', 1, _STAGES
    ),
    *_numbered(
        r'backbone\.bottom_up\.res#\.(\d+)\.shortcut\.norm\.(\w+)', r'backbone.layer#.\1.downsample.1.\2', 1, _STAGES
    ),
    *_numbered(r'backbone\.bottom_up\.res#\.(\d+)\.conv(\d)\.norm\.(\w+)', r'backbone.layer#.\1.bn\2.\3', 1, _STAGES),
    *_numbered(r'backbone\.bottom_up\.res#\.(\d+\.conv\d\.weight)', r'backbone.layer#.\1', 1, _STAGES),
]
_NECK: Rules = [
    *_numbered(r'backbone\.fpn_lateral#\.(\w+)', r'neck.lateral_convs.#.conv.\1', 2, _STAGES),
    *_numbered(r'backbone\.fpn_output#\.(\w+)', r'neck.fpn_convs.#.conv.\1', 2, _STAGES),
]
_RPN: Rules = [
    (re.compile(rf'proposal_generator\.rpn_head\.{old}\.(\w+)'), rf'rpn_head.{new}.\1')
    for old, new in (('conv', 'rpn_conv'), ('objectness_logits', 'rpn_cls'), ('anchor_deltas', 'rpn_reg'))
]
# (?:) so that a cascade's number of the stage, which may be absent, is always group 1
_ROI: Rules = [
    *_numbered(r'roi_heads\.box_head\.((?:\d\.)?)fc#\.(\w+)', r'roi_head.bbox_head.\1shared_fcs.#.\2', 1, _LAYERS),
    # RIO's cosine classifier, a linear layer L under torch's weight_norm: g v / |v|, as in CosineLinear
    (re.compile(r'roi_heads\.box_predictor\.((?:\d\.)?)cls_score\.L\.weight_g'), r'roi_head.bbox_head.\1fc_cls.scale'),
    (re.compile(r'roi_heads\.box_predictor\.((?:\d\.)?)cls_score\.L\.weight_v'), r'roi_head.bbox_head.\1fc_cls.weight'),
    (re.compile(r'roi_heads\.box_predictor\.((?:\d\.)?)cls_score\.(\w+)'), r'roi_head.bbox_head.\1fc_cls.\2'),
    (re.compile(r'roi_heads\.box_predictor\.((?:\d\.)?)bbox_pred\.(\w+)'), r'roi_head.bbox_head.\1fc_reg.\2'),
    *_numbered(r'roi_heads\.mask_head\.mask_fcn#\.(\w+)', r'roi_head.mask_head.convs.#.conv.\1', 1, _LAYERS),
    (re.compile(r'roi_heads\.mask_head\.deconv\.(\w+)'), r'roi_head.mask_head.upsample.\1'),
    (re.compile(r'roi_heads\.mask_head\.predictor\.(\w+)'), r'roi_head.mask_head.conv_logits.\1'),
]
_RULES: Rules = [*_RESNET, *_NECK, *_RPN, *_ROI]
_SCALE = re.compile(r'roi_head\.bbox_head\.(?:\d\.)?fc_cls\.scale')


def from_detectron2(checkpoint: Mapping[str, Any]) -> Renamed:
    """Return the renamed weights of a detectron2 checkpoint; the first convolution still expects detectron2's images.

    Args:
        checkpoint: as saved by its trainer or as in its model zoo: `model`, or the weights alone; tensors or arrays.

    Raises:
        ValueError: it holds something else than weights.
    """
    renamed = rename(_weights(checkpoint), _RULES, _DROP)
    for name, value in renamed.weights.items():
        if _SCALE.fullmatch(name):
            renamed.weights[name] = value.flatten()  # weight_norm keeps a column
    return renamed


def source_input(checkpoint: Mapping[str, Any]) -> ImageInput:
    """Return how the images of a `checkpoint` were normalized: as it says itself, or else detectron2's default."""
    weights = _weights(checkpoint)
    mean, std = (weights[name].flatten().tolist() if name in weights else None for name in ('pixel_mean', 'pixel_std'))
    default_std = _STD_BGR_RESNEXT if _is_resnext(weights) else (1.0, 1.0, 1.0)
    return ImageInput(tuple(mean or _MEAN_BGR), tuple(std or default_std), is_rgb=False)


def expected_style(checkpoint: Mapping[str, Any]) -> str:
    """Return the `style` of mmdet's ResNet with the strides that detectron2 gives such a `checkpoint` by default.

    'caffe' for ResNet (stride in the first 1x1), 'pytorch' for ResNeXt (stride in the 3x3).
    """
    return 'pytorch' if _is_resnext(_weights(checkpoint)) else 'caffe'


def _is_resnext(weights: Mapping[str, Tensor]) -> bool:
    conv = weights.get('backbone.bottom_up.res2.0.conv2.weight')
    return conv is not None and conv.size(1) < conv.size(0)


def _weights(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    found = weights_of(checkpoint)
    arrays = {name: torch.from_numpy(v.copy()) if isinstance(v, np.ndarray) else v for name, v in found.items()}
    # the model zoo notes its author among the weights where there is no 'model'
    return tensors({name: value for name, value in arrays.items() if not isinstance(value, str | bool)})
