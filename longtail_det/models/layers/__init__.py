"""Layers of ours; modules are registered in mmdet's MODELS."""

from .bbox_nms import is_plain_nms, multiclass_nms, multiclass_nms_of
from .cosine_linear import CosineLinear

__all__ = [
    'CosineLinear',
    'is_plain_nms',
    'multiclass_nms',
    'multiclass_nms_of',
]
