"""Mask heads, registered in mmdet's MODELS."""

from .encoded_masks import EncodedMask, EncodedMasks
from .label_mask_head import LabelFCNMaskHead, LabelHTCMaskHead
from .label_predictor import LabelledMasks, LabelPredictor

__all__ = [
    'EncodedMask',
    'EncodedMasks',
    'LabelFCNMaskHead',
    'LabelHTCMaskHead',
    'LabelPredictor',
    'LabelledMasks',
]
