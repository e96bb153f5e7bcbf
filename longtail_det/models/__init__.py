"""Models of ours; importing this registers them."""

from .bbox_heads import LongTail4Conv1FCBBoxHead, LongTailBBoxHead, RIOBBoxHead
from .layers import CosineLinear
from .losses import (
    EQL,
    ClassRelativeActivations,
    DropLoss,
    EQLv2,
    GumbelCE,
    RoIClassificationLoss,
    SeesawLoss,
    SigmoidCE,
    SyncedStatistics,
)
from .mask_heads import EncodedMasks, LabelFCNMaskHead, LabelHTCMaskHead
from .memory import FeatureBank

__all__ = [
    'EQL',
    'ClassRelativeActivations',
    'CosineLinear',
    'DropLoss',
    'EQLv2',
    'EncodedMasks',
    'FeatureBank',
    'GumbelCE',
    'LabelFCNMaskHead',
    'LabelHTCMaskHead',
    'LongTail4Conv1FCBBoxHead',
    'LongTailBBoxHead',
    'RIOBBoxHead',
    'RoIClassificationLoss',
    'SeesawLoss',
    'SigmoidCE',
    'SyncedStatistics',
]
