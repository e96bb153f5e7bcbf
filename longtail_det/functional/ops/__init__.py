"""Operations on boxes and masks at the cost of what counts: NMS, mask pasting, run lengths."""

from .label_linear import label_linear
from .mask_paste import paste_runs
from .nms import best_candidates, first_survivors, spread_classes, suppress_within_classes
from .run_length import encode_runs

__all__ = [
    'best_candidates',
    'encode_runs',
    'first_survivors',
    'label_linear',
    'paste_runs',
    'spread_classes',
    'suppress_within_classes',
]
