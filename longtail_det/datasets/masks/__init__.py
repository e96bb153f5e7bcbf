"""Instance masks that stay run lengths until a RoI trains on them."""

from .deferred_masks import DeferredMasks

__all__ = ['DeferredMasks']
