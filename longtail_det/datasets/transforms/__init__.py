"""Transforms of mmdet's pipelines."""

from .load_deferred_masks import LoadDeferredMasks

__all__ = ['LoadDeferredMasks']
