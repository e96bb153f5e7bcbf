"""Box heads, registered in mmdet's MODELS."""

from .long_tail_bbox_head import LongTail4Conv1FCBBoxHead, LongTailBBoxHead

__all__ = [
    'LongTail4Conv1FCBBoxHead',
    'LongTailBBoxHead',
]
