"""Small real detectors, and their weights under the names that other programs gave them.

The names of detectron2 are built here layer by layer from its module tree, on purpose without a look at the rules
under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from torch import Tensor, nn

#: detectron2 and its mean in BGR; the same in RGB with torchvision's standard deviation
BGR = {'mean': [103.53, 116.28, 123.675], 'std': [1.0, 1.0, 1.0], 'bgr_to_rgb': False}
RGB = {'mean': [123.675, 116.28, 103.53], 'std': [58.395, 57.12, 57.375], 'bgr_to_rgb': True}
NUM_CLASSES = 4
CONFIG = Path(__file__).parents[3] / 'configs/_base_/models/mask-rcnn_r50_fpn.py'


def mask_rcnn(
    depth: int = 18, num_classes: int = NUM_CLASSES, preprocessor: Any = None, base_channels: int = 8, **bbox_head: Any
) -> Any:
    """Config of the Mask R-CNN of this package, with the strides of MSRA's ResNet, and narrow."""
    channels = [base_channels * (1 if depth < 50 else 4) * 2**stage for stage in range(4)]
    extractor = {'out_channels': 16}
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict(
        {
            'model': {
                'data_preprocessor': preprocessor or RGB,
                'backbone': {'depth': depth, 'base_channels': base_channels, 'style': 'caffe', 'init_cfg': None},
                'neck': {'in_channels': channels, 'out_channels': 16},
                'rpn_head': {'in_channels': 16, 'feat_channels': 16},
                'roi_head': {
                    'bbox_roi_extractor': extractor,
                    'bbox_head': {'in_channels': 16, 'fc_out_channels': 24, 'num_classes': num_classes, **bbox_head},
                    'mask_roi_extractor': extractor,
                    'mask_head': {'in_channels': 16, 'conv_out_channels': 16, 'num_classes': num_classes},
                },
                'test_cfg': {'rpn': {'max_per_img': 10}, 'rcnn': {'score_thr': 0.0, 'max_per_img': 5}},
            }
        }
    )
    return cfg.model


def build(cfg: Any, seed: int = 0) -> nn.Module:
    """Build a model with random weights and random statistics of batch norm."""
    torch.manual_seed(seed)
    model = MODELS.build(cfg).eval()
    for name, buffer in model.named_buffers():
        if name.endswith(('running_mean', 'running_var')):
            buffer.uniform_(0.5, 1.5)
    return model


def maps(model: nn.Module, image: Tensor) -> list[Tensor]:
    """Features and RPN maps of a (3, H, W) image in BGR, as it is read from a file."""
    data = model.data_preprocessor({'inputs': [image]})
    with torch.no_grad():
        features = model.extract_feat(data['inputs'].to(model.rpn_head.rpn_conv.weight))
        logits, deltas = model.rpn_head(features)
    return [*features, *logits, *deltas]


def predictions(model: nn.Module, image: Tensor) -> list[Tensor]:
    """Boxes, scores, labels and masks of a (3, H, W) image in BGR."""
    from mmdet.structures import DetDataSample

    sample = DetDataSample(
        metainfo={
            'img_shape': image.shape[1:],
            'ori_shape': image.shape[1:],
            'batch_input_shape': image.shape[1:],
            'scale_factor': (1.0, 1.0),
            'img_id': 0,
        }
    )
    data = model.data_preprocessor({'inputs': [image], 'data_samples': [sample]})
    with torch.no_grad():
        found = model.predict(data['inputs'], data['data_samples'])[0].pred_instances
    return [found.bboxes, found.scores, found.labels, torch.as_tensor(np.asarray(found.masks))]


def detectron2_names(depth: int, scale_of_weight_norm: bool = False) -> Iterator[tuple[str, str]]:
    """(name in detectron2, name in mmdet) of every weight of a ResNet-FPN Mask R-CNN."""
    blocks, convs = {18: ((2, 2, 2, 2), 2), 50: ((3, 4, 6, 3), 3), 101: ((3, 4, 23, 3), 3)}[depth]
    norms = ('weight', 'bias', 'running_mean', 'running_var')
    yield 'backbone.bottom_up.stem.conv1.weight', 'backbone.conv1.weight'
    for norm in norms:
        yield f'backbone.bottom_up.stem.conv1.norm.{norm}', f'backbone.bn1.{norm}'
    for stage, count in enumerate(blocks):
        for block in range(count):
            theirs, ours = f'backbone.bottom_up.res{stage + 2}.{block}', f'backbone.layer{stage + 1}.{block}'
            for conv in range(1, convs + 1):
                yield f'{theirs}.conv{conv}.weight', f'{ours}.conv{conv}.weight'
                for norm in norms:
                    yield f'{theirs}.conv{conv}.norm.{norm}', f'{ours}.bn{conv}.{norm}'
            # the first stage of the basic block keeps its width
            if block == 0 and (convs == 3 or stage > 0):
                yield f'{theirs}.shortcut.weight', f'{ours}.downsample.0.weight'
                for norm in norms:
                    yield f'{theirs}.shortcut.norm.{norm}', f'{ours}.downsample.1.{norm}'
    layers = [(f'backbone.fpn_lateral{n}', f'neck.lateral_convs.{n - 2}.conv') for n in (2, 3, 4, 5)]
    layers += [(f'backbone.fpn_output{n}', f'neck.fpn_convs.{n - 2}.conv') for n in (2, 3, 4, 5)]
    layers += [
        ('proposal_generator.rpn_head.conv', 'rpn_head.rpn_conv'),
        ('proposal_generator.rpn_head.objectness_logits', 'rpn_head.rpn_cls'),
        ('proposal_generator.rpn_head.anchor_deltas', 'rpn_head.rpn_reg'),
        ('roi_heads.box_head.fc1', 'roi_head.bbox_head.shared_fcs.0'),
        ('roi_heads.box_head.fc2', 'roi_head.bbox_head.shared_fcs.1'),
        ('roi_heads.box_predictor.bbox_pred', 'roi_head.bbox_head.fc_reg'),
        *((f'roi_heads.mask_head.mask_fcn{n}', f'roi_head.mask_head.convs.{n - 1}.conv') for n in (1, 2, 3, 4)),
        ('roi_heads.mask_head.deconv', 'roi_head.mask_head.upsample'),
        ('roi_heads.mask_head.predictor', 'roi_head.mask_head.conv_logits'),
    ]
    if scale_of_weight_norm:
        yield 'roi_heads.box_predictor.cls_score.L.weight_g', 'roi_head.bbox_head.fc_cls.scale'
        yield 'roi_heads.box_predictor.cls_score.L.weight_v', 'roi_head.bbox_head.fc_cls.weight'
    else:
        layers.append(('roi_heads.box_predictor.cls_score', 'roi_head.bbox_head.fc_cls'))
    for theirs, ours in layers:
        for kind in ('weight', 'bias'):
            yield f'{theirs}.{kind}', f'{ours}.{kind}'


def as_detectron2(model: nn.Module, depth: int = 18, **options: bool) -> dict[str, Tensor]:
    """The weights of a model of ours under detectron2's names, and the buffers that its checkpoints carry besides."""
    state = model.state_dict()
    weights = {theirs: state.pop(ours) for theirs, ours in detectron2_names(depth, **options)}
    left = [name for name in state if not name.endswith('num_batches_tracked')]
    assert not left, f'the list of names is not complete: {left}'
    anchors = {f'proposal_generator.anchor_generator.cell_anchors.{n}': torch.zeros(3, 4) for n in range(5)}
    return {**weights, **anchors}
