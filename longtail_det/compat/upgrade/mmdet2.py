"""Checkpoints of mmdet 2.x (GOL, EQLv2, mmdet's own).

From 2.0 on the background is the last column of the classifier and labels start at 0, as in 3.x. The two-stage
models of 2.x keep their names in 3.x too. What changed: the class names moved inside `meta`, EMA copies have other
names, EQLv2 saves a table that follows from two others, GOL's HTC has a layer that nothing calls, and the Swin of the
first forks had the names of its authors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .renaming import Renamed, Rules, rename
from .source import weights_of

_DROP = {
    r'ema_.*': "copy that mmcv's EMA keeps; the weights themselves are the averaged ones",
    r'.*\.loss_cls\.pos_neg': 'follows from pos_grad and neg_grad',
    r'roi_head\.mask_head\.0\.conv_res\.conv\.\w+': 'takes in the mask of the stage before, and stage 0 has none',
}
# microsoft/Swin-Transformer names -> mmdet's
_SWIN: Rules = [
    (re.compile(pattern), new)
    for pattern, new in (
        (r'backbone\.patch_embed\.proj\.(\w+)', r'backbone.patch_embed.projection.\1'),
        (r'backbone\.layers\.(\d+\.blocks\.\d+)\.attn\.(.+)', r'backbone.stages.\1.attn.w_msa.\2'),
        (r'backbone\.layers\.(\d+\.blocks\.\d+)\.mlp\.fc1\.(\w+)', r'backbone.stages.\1.ffn.layers.0.0.\2'),
        (r'backbone\.layers\.(\d+\.blocks\.\d+)\.mlp\.fc2\.(\w+)', r'backbone.stages.\1.ffn.layers.1.\2'),
        (r'backbone\.layers\.(.+)', r'backbone.stages.\1'),
    )
]
_SWIN_MERGING = re.compile(r'backbone\.layers\.\d+\.downsample\.(?:reduction|norm)\.(?:weight|bias)')


def from_mmdet2(checkpoint: Mapping[str, Any]) -> Renamed:
    """Return the renamed weights of an mmdet 2.x checkpoint; optimizer and hook state are left behind.

    Args:
        checkpoint: as saved: `state_dict` and `meta`, or the weights alone.

    Returns:
        The weights and, where `meta` has them, the class names.

    Raises:
        ValueError: it holds something else than weights.
    """
    weights = tensors(weights_of(checkpoint))
    by_authors = any(name.startswith('backbone.patch_embed.proj.') for name in weights)
    if by_authors:
        weights = {
            name: _reorder_merging(value) if _SWIN_MERGING.fullmatch(name) else value for name, value in weights.items()
        }
    return rename(weights, _SWIN if by_authors else (), _DROP, _class_names(checkpoint.get('meta')))


def tensors(weights: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return weights without the prefix of data-parallel training; raise a ValueError at a value that is no tensor."""
    found = {}
    for name, value in weights.items():
        if not isinstance(value, Tensor):
            raise ValueError(f'{name} is a {type(value).__name__}; expected a tensor, as every weight is')
        found[str(name).removeprefix('module.')] = value.detach()
    return found


def _class_names(meta: Any) -> Sequence[str]:
    names = meta.get('CLASSES') if isinstance(meta, Mapping) else None
    return tuple(map(str, names)) if isinstance(names, tuple | list) else ()


def _reorder_merging(value: Tensor) -> Tensor:
    """Return the 4 C inputs of Swin's patch merging in mmdet's order.

    The authors stack the neighbors (0, 0), (1, 0), (0, 1), (1, 1), each with all its channels; mmdet unfolds the
    image: channel after channel, each with its neighbors row by row.
    """
    neighbors = value.unflatten(-1, (4, -1))[..., torch.tensor([0, 2, 1, 3]), :]
    return neighbors.transpose(-1, -2).flatten(-2)
