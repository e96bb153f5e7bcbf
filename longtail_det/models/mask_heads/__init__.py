"""Mask heads, registered in mmdet's MODELS."""

from .empty_results import encode_empty_results
from .encoded_masks import EncodedMask, EncodedMasks
from .label_mask_head import LabelFCNMaskHead, LabelHTCMaskHead
from .label_predictor import LabelledMasks, LabelPredictor

encode_empty_results()

__all__ = [
    'EncodedMask',
    'EncodedMasks',
    'LabelFCNMaskHead',
    'LabelHTCMaskHead',
    'LabelPredictor',
    'LabelledMasks',
]
