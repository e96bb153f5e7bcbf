"""Transforms of mmdet's pipelines."""

from .load_deferred_masks import LoadDeferredMasks
from .rare_copy_paste import RareCopyPaste

__all__ = [
    'LoadDeferredMasks',
    'RareCopyPaste',
]
