"""Layers of ours; modules are registered in mmdet's MODELS."""

from .bbox_nms import is_plain_nms, multiclass_nms, multiclass_nms_of
from .cosine_linear import CosineLinear
from .lws_linear import LWSLinear

__all__ = [
    'CosineLinear',
    'LWSLinear',
    'is_plain_nms',
    'multiclass_nms',
    'multiclass_nms_of',
]
