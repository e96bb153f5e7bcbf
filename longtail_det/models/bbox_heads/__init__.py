"""Box heads, registered in mmdet's MODELS."""

from .class_deltas import ClassDeltas
from .class_logits import ClassLogits
from .iterative_bbox_head import IterativeBBoxHead
from .loce_bbox_head import LOCEBBoxHead
from .long_tail_bbox_head import LongTail4Conv1FCBBoxHead, LongTailBBoxHead
from .rio_bbox_head import RIOBBoxHead

__all__ = [
    'ClassDeltas',
    'ClassLogits',
    'IterativeBBoxHead',
    'LOCEBBoxHead',
    'LongTail4Conv1FCBBoxHead',
    'LongTailBBoxHead',
    'RIOBBoxHead',
]
