"""Layers of ours, registered in mmdet's MODELS."""

from .cosine_linear import CosineLinear

__all__ = [
    'CosineLinear',
]
