"""RoI heads, registered in mmdet's MODELS."""

from .loce_roi_head import LOCERoIHead

__all__ = [
    'LOCERoIHead',
]
