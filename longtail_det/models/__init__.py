"""Models of ours; importing this registers them."""

from .bbox_heads import LongTail4Conv1FCBBoxHead, LongTailBBoxHead
from .losses import (
    EQL,
    ClassRelativeActivations,
    DropLoss,
    EQLv2,
    GumbelCE,
    RoIClassificationLoss,
    SeesawLoss,
    SigmoidCE,
)

__all__ = [
    'EQL',
    'ClassRelativeActivations',
    'DropLoss',
    'EQLv2',
    'GumbelCE',
    'LongTail4Conv1FCBBoxHead',
    'LongTailBBoxHead',
    'RoIClassificationLoss',
    'SeesawLoss',
    'SigmoidCE',
]
