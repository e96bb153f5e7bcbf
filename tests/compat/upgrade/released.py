"""Names and shapes of the weights in released checkpoints, built from the architectures.

Nothing here looks at a model of this package or at the rules under test. `RELEASED` says how many weights each file
has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .models import detectron2_names

Shapes = dict[str, tuple[int, ...]]
_ANCHORS = tuple(f'proposal_generator.anchor_generator.cell_anchors.{level}' for level in range(5))
_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
_SWIN_T = {'blocks': (2, 2, 6, 2), 'heads': (3, 6, 12, 24), 'window': 7}


@dataclass(frozen=True)
class Released:
    """A released checkpoint.

    Args:
        config: path below configs/ of the model that loads it.
        num_keys: weights in the file.
        shapes: gives the shape of each by name.
        dropped: names that the model has no place for.
    """

    config: str
    num_keys: int
    shapes: Callable[[], Shapes]
    dropped: tuple[str, ...] = ()

    def checkpoint(self) -> dict[str, Any]:
        """The file: every weight is one number seen in the right shape, so that it takes no memory."""
        weights: dict[str, Tensor] = {
            name: torch.full((), float(number) + 1).expand(shape)
            for number, (name, shape) in enumerate(self.shapes().items())
        }
        if 'backbone.bottom_up.stem.conv1.weight' in weights:
            return {'model': weights, 'iteration': 89999}
        return {'state_dict': weights, 'meta': {'mmdet_version': '2.21.0', 'epoch': 12}}


def mmdet2_resnet(depth: int) -> Shapes:
    """ResNet as torch saves it, counters of batch norm included."""
    shapes = {'backbone.conv1.weight': (64, 3, 7, 7), **_batch_norm('backbone.bn1', 64)}
    inputs = 64
    for stage, count in enumerate(_BLOCKS[depth]):
        width = 64 * 2**stage
        for block in range(count):
            name = f'backbone.layer{stage + 1}.{block}'
            shapes[f'{name}.conv1.weight'] = (width, inputs, 1, 1)
            shapes[f'{name}.conv2.weight'] = (width, width, 3, 3)
            shapes[f'{name}.conv3.weight'] = (4 * width, width, 1, 1)
            for conv in (1, 2, 3):
                shapes |= _batch_norm(f'{name}.bn{conv}', width if conv < 3 else 4 * width)
            if block == 0:
                shapes[f'{name}.downsample.0.weight'] = (4 * width, inputs, 1, 1)
                shapes |= _batch_norm(f'{name}.downsample.1', 4 * width)
            inputs = 4 * width
    return shapes | _neck((256, 512, 1024, 2048))


def mmdet2_swin() -> Shapes:
    """Swin-T as mmdet 2.21 names it, index tables of the position bias included."""
    shapes = _layer('backbone.patch_embed.projection', 96, 3, 4, 4) | _layer('backbone.patch_embed.norm', 96)
    window = _SWIN_T['window']
    for stage, (count, heads) in enumerate(zip(_SWIN_T['blocks'], _SWIN_T['heads'], strict=True)):
        width = 96 * 2**stage
        for block in range(count):
            name = f'backbone.stages.{stage}.blocks.{block}'
            shapes |= _layer(f'{name}.norm1', width) | _layer(f'{name}.norm2', width)
            shapes[f'{name}.attn.w_msa.relative_position_bias_table'] = ((2 * window - 1) ** 2, heads)
            shapes[f'{name}.attn.w_msa.relative_position_index'] = (window**2, window**2)
            shapes |= _layer(f'{name}.attn.w_msa.qkv', 3 * width, width) | _layer(
                f'{name}.attn.w_msa.proj', width, width
            )
            shapes |= _layer(f'{name}.ffn.layers.0.0', 4 * width, width) | _layer(
                f'{name}.ffn.layers.1', width, 4 * width
            )
        if stage < 3:
            shapes |= _layer(f'backbone.stages.{stage}.downsample.norm', 4 * width)
            shapes[f'backbone.stages.{stage}.downsample.reduction.weight'] = (2 * width, 4 * width)
        shapes |= _layer(f'backbone.norm{stage}', width)
    return shapes | _neck((96, 192, 384, 768))


def rpn() -> Shapes:
    """RPN of three anchors a place."""
    return (
        _layer('rpn_head.rpn_conv', 256, 256, 3, 3)
        | _layer('rpn_head.rpn_cls', 3, 256, 1, 1)
        | _layer('rpn_head.rpn_reg', 12, 256, 1, 1)
    )


def box_head(columns: int, deltas: int, stage: str = '') -> Shapes:
    """Two shared layers, `columns` logits and `deltas` box deltas."""
    name = f'roi_head.bbox_head.{stage}'
    return (
        _layer(f'{name}fc_cls', columns, 1024)
        | _layer(f'{name}fc_reg', deltas, 1024)
        | _layer(f'{name}shared_fcs.0', 1024, 256 * 7 * 7)
        | _layer(f'{name}shared_fcs.1', 1024, 1024)
    )


def mask_head(num_classes: int, stage: str = '', conv_res: bool = False) -> Shapes:
    """Four convolutions, an upsampling and one mask per class."""
    name = f'roi_head.mask_head.{stage}'
    shapes: Shapes = {}
    for conv in range(4):
        shapes |= _layer(f'{name}convs.{conv}.conv', 256, 256, 3, 3)
    shapes |= _layer(f'{name}upsample', 256, 256, 2, 2) | _layer(f'{name}conv_logits', num_classes, 256, 1, 1)
    return shapes | (_layer(f'{name}conv_res.conv', 256, 256, 1, 1) if conv_res else {})


def mask_rcnn(backbone: Shapes, columns: int, num_classes: int) -> Shapes:
    """Mask R-CNN with deltas of each class."""
    return backbone | rpn() | box_head(columns, 4 * num_classes) | mask_head(num_classes)


def cascade(backbone: Shapes, columns: int, num_classes: int, conv_res: bool = False) -> Shapes:
    """Cascade Mask R-CNN or, with `conv_res` in every stage, the HTC of GOL: three stages, deltas of no class."""
    shapes = backbone | rpn()
    for stage in ('0.', '1.', '2.'):
        shapes |= box_head(columns, 4, stage) | mask_head(num_classes, stage, conv_res)
    return shapes


def eqlv2(num_classes: int) -> Shapes:
    """Mask R-CNN R50 with the three tables of the loss."""
    tables = {f'roi_head.bbox_head.loss_cls.{name}': (num_classes,) for name in ('pos_grad', 'neg_grad', 'pos_neg')}
    return mask_rcnn(mmdet2_resnet(50), num_classes + 1, num_classes) | tables


def detectron2(columns: int, num_classes: int, rio: bool = False) -> Shapes:
    """Mask R-CNN R50 of detectron2; with `rio` its classifier, and how its images were normalized."""
    ours = mask_rcnn(mmdet2_resnet(50), columns, num_classes)
    ours['roi_head.bbox_head.fc_cls.scale'] = (columns, 1)
    shapes = {theirs: ours[name] for theirs, name in detectron2_names(50, scale_of_weight_norm=rio)}
    shapes |= dict.fromkeys(_ANCHORS, (3, 4))
    return shapes | (dict.fromkeys(('pixel_mean', 'pixel_std'), (3, 1, 1)) if rio else {})


RELEASED = {
    'gol-droploss-r50': Released(
        'gol/mask-rcnn_r50_fpn_droploss_random-ms-1x_lvis-v1.py', 360, lambda: mask_rcnn(mmdet2_resnet(50), 1203, 1203)
    ),
    'gumbel-cascade-r101': Released(
        'activations/cascade-mask-rcnn_r101_fpn_gumbel_random-ms-1x_lvis-v1.py',
        706,
        lambda: cascade(mmdet2_resnet(101), 1204, 1203),
    ),
    'gumbel-htc-r101': Released(
        'activations/htc_r101_fpn_gumbel_random-ms-1x_lvis-v1.py',
        712,
        lambda: cascade(mmdet2_resnet(101), 1204, 1203, conv_res=True),
        dropped=tuple(f'roi_head.mask_head.0.conv_res.conv.{kind}' for kind in ('weight', 'bias')),
    ),
    'gol-swin-t': Released(
        'gol/mask-rcnn_swin-t-p4-w7_fpn_droploss-gumbel-normed-mask_rfs-ms-1x_lvis-v1.py',
        231,
        lambda: mask_rcnn(mmdet2_swin(), 1203, 1203),
    ),
    'eqlv2-r50': Released(
        'eqlv2/mask-rcnn_r50_fpn_eqlv2_random-ms-1x_lvis-v1.py',
        363,
        lambda: eqlv2(1203),
        dropped=('roi_head.bbox_head.loss_cls.pos_neg',),
    ),
    'droploss-r50': Released(
        'droploss/mask-rcnn_r50-caffe_fpn_droploss_random-ms-90k_lvis-v0.5.py',
        312,
        lambda: detectron2(1230, 1230),
        dropped=_ANCHORS,
    ),
    'rio-r50': Released(
        'rio/mask-rcnn_r50-caffe_fpn_rio_rfs-stochastic-ms-90k_lvis-v0.5.py',
        314,
        lambda: detectron2(1231, 1230, rio=True),
        dropped=(*_ANCHORS, 'pixel_mean', 'pixel_std'),
    ),
}


def _layer(name: str, *weight: int) -> Shapes:
    """Weight and bias; the layers whose bias is of another length than the first side of the weight are not here."""
    return {f'{name}.weight': weight, f'{name}.bias': weight[:1]}


def _batch_norm(name: str, channels: int) -> Shapes:
    shapes: Shapes = {f'{name}.{kind}': (channels,) for kind in ('weight', 'bias', 'running_mean', 'running_var')}
    return shapes | {f'{name}.num_batches_tracked': ()}


def _neck(inputs: tuple[int, ...]) -> Shapes:
    shapes: Shapes = {}
    for level, channels in enumerate(inputs):
        shapes |= _layer(f'neck.lateral_convs.{level}.conv', 256, channels, 1, 1)
        shapes |= _layer(f'neck.fpn_convs.{level}.conv', 256, 256, 3, 3)
    return shapes
